import { modelKey } from '../core/model-name.ts';
import { ownCategoryNames } from './category-rules.ts';
import { didYouMean } from './nearest.ts';
import { entriesAt, error, itemsAt, type Finding, type Path, type Rule } from './raw.ts';
import { quote } from './units.ts';

/** Virtual models: known categories, and preferences among the candidates. */
export const virtualModelRule: Rule = (tree, context) => {
  const findings: Finding[] = [];
  const categories = [...new Set([...context.categories, ...ownCategoryNames(tree)])];
  const virtual = new Map<string, string>();
  for (const [name] of entriesAt(tree, 'virtual_models')) {
    const same = virtual.get(modelKey(name));
    if (same !== undefined) {
      findings.push(error(['virtual_models', name], `${quote(same)} is the same name to Ollama: keep one`, 'key'));
    }
    virtual.set(modelKey(name), name);
  }
  for (const [name, model] of entriesAt(tree, 'virtual_models')) {
    const path: Path = ['virtual_models', name];
    if (name.trim() === '') findings.push(error(path, 'a virtual model needs a name', 'key'));
    const candidates = new Map<string, string>();
    for (const [index, candidate] of itemsAt(model, 'candidates').entries()) {
      if (typeof candidate !== 'string') continue;
      candidates.set(modelKey(candidate), candidate);
      if (virtual.has(modelKey(candidate))) {
        const message = `${quote(candidate)} is a virtual model itself: name the models that it stands for`;
        findings.push(error([...path, 'candidates', index], message));
      }
    }
    for (const [category, preferred] of entriesAt(model, 'prefer')) {
      if (!categories.includes(category)) {
        const hint = didYouMean(category, categories) || ':';
        const message = `unknown category ${quote(category)}${hint} categories are ${categories.join(', ')}`;
        findings.push(error([...path, 'prefer', category], message, 'key'));
      }
      for (const [index, one] of itemsAt(preferred).entries()) {
        if (typeof one !== 'string' || candidates.has(modelKey(one))) continue;
        const hint = didYouMean(one, [...candidates.values()]);
        const message = `${quote(one)} is not among the candidates of ${quote(name)}${hint || ': add it there'}`;
        findings.push(error([...path, 'prefer', category, index], message));
      }
    }
  }
  return findings;
};

/** Aliases: no circles, and no name that is a virtual model's. */
export const aliasRule: Rule = (tree) => {
  const findings: Finding[] = [];
  const virtual = new Set(entriesAt(tree, 'virtual_models').map(([name]) => modelKey(name)));
  const aliases = new Map<string, { readonly name: string; readonly target: string }>();
  for (const [name, target] of entriesAt(tree, 'aliases')) {
    const path: Path = ['aliases', name];
    const same = aliases.get(modelKey(name));
    if (name.trim() === '') findings.push(error(path, 'an alias needs a name', 'key'));
    if (same !== undefined)
      findings.push(error(path, `${quote(same.name)} is the same name to Ollama: keep one`, 'key'));
    if (virtual.has(modelKey(name))) {
      findings.push(error(path, `hides the virtual model of this name: rename one of the two`, 'key'));
    }
    if (typeof target === 'string') aliases.set(modelKey(name), { name, target });
  }
  const reported = new Set<string>();
  for (const [start, { name }] of aliases) {
    const seen: string[] = [];
    let key = start;
    for (let next = aliases.get(key); next !== undefined && !seen.includes(key); next = aliases.get(key)) {
      seen.push(key);
      key = modelKey(next.target);
    }
    // A circle is told once, at the first of its aliases; what only leads into it is not to blame.
    if (key !== start || !aliases.has(key) || reported.has(start)) continue;
    for (const member of seen) reported.add(member);
    const message =
      seen.length === 1
        ? 'is an alias to itself: name a model'
        : `goes round in a circle (${[...seen, start].map((member) => aliases.get(member)?.name ?? member).join(' → ')}): let one of them name a model`;
    findings.push(error(['aliases', name], message));
  }
  return findings;
};
