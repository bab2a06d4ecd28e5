import { error, itemsAt, type Finding, type Rule, valueAt } from './raw.ts';
import { quote } from './units.ts';

/** Keys: each its own name and hash. A hash is never quoted. */
export const keysRule: Rule = (tree) => {
  const findings: Finding[] = [];
  const names = new Map<string, number>();
  const hashes = new Map<string, number>();
  for (const [index, key] of itemsAt(tree, 'auth', 'keys').entries()) {
    const name = valueAt(key, 'name');
    const hash = valueAt(key, 'hash');
    if (typeof name === 'string') {
      const first = names.get(name);
      names.set(name, first ?? index);
      if (first !== undefined) {
        const message = `duplicate key name ${quote(name)}, which auth.keys[${first}] has already: give each its own`;
        findings.push(error(['auth', 'keys', index, 'name'], message));
      }
    }
    if (typeof hash === 'string') {
      const first = hashes.get(hash.toLowerCase());
      hashes.set(hash.toLowerCase(), first ?? index);
      if (first !== undefined) {
        const message = `the same key as auth.keys[${first}]: make one for each with "ollama-task-router key new"`;
        findings.push(error(['auth', 'keys', index, 'hash'], message));
      }
    }
  }
  return findings;
};
