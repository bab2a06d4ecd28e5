import { didYouMean } from './nearest.ts';
import { error, itemsAt, type Finding, type Path, type Rule, valueAt } from './raw.ts';
import { quote } from './units.ts';

const textsAt = (tree: unknown, ...path: Path): readonly string[] =>
  itemsAt(tree, ...path).filter((item): item is string => typeof item === 'string');

/** Copies as a count; undefined for a word, and for what the schema complains about. */
const countAt = (tree: unknown, ...path: Path): number | undefined => {
  const value = valueAt(tree, ...path);
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) ? count : undefined;
};

const tooMany = (path: Path, wanted: number, have: number, which: string): Finding => ({
  path,
  message: `asks for ${wanted} servers where ${have === 1 ? 'there is 1' : `there are ${have}`}${which}: each of them gets the model`,
  at: 'value',
  level: 'warning',
});

/** Rules for changes: tags that some backend has, and no more copies than there are servers for them (a warning). */
export const changesRule: Rule = (tree) => {
  const findings: Finding[] = [];
  const backends = itemsAt(tree, 'backends').map((_, index) => new Set(textsAt(tree, 'backends', index, 'tags')));
  const known = [...new Set(backends.flatMap((tags) => [...tags]))];
  const check = (path: Path, servers: number, which: string): void => {
    const count = countAt(tree, ...path);
    // A file without backends gets them from a flag or the environment, which say how many there are.
    if (count !== undefined && servers > 0 && count > servers) findings.push(tooMany(path, count, servers, which));
  };
  check(['changes', 'copies'], backends.length, '');
  for (const index of itemsAt(tree, 'changes', 'rules').keys()) {
    const path: Path = ['changes', 'rules', index];
    const tags = textsAt(tree, ...path, 'tags');
    const fitting = backends.filter((has) => tags.every((tag) => has.has(tag))).length;
    if (tags.length > 0 && fitting === 0) {
      const missing = tags.find((tag) => !known.includes(tag));
      const message =
        missing === undefined
          ? `no backend has all of these tags (${tags.join(', ')}): give them to one, or take one away here`
          : `no backend has the tag ${quote(missing)}${didYouMean(missing, known) || ': add it to the tags of a backend'}`;
      findings.push(error([...path, 'tags'], message));
    }
    check([...path, 'copies'], fitting, tags.length === 0 ? '' : ` with ${tags.join(', ')}`);
  }
  return findings;
};
