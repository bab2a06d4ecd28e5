import { entriesAt, error, itemsAt, valueAt, type Finding, type Path, type Rule } from './raw.ts';
import { quote } from './units.ts';

/** A category travels in headers and metric labels: short, printable ASCII, no space at either end. */
const NAME = /^[!-~](?:[ -~]{0,62}[!-~])?$/;
/** Each is a label value of most metrics, and the library keeps as many. */
const MOST_OWN = 57;

const CLUES = ['keywords', 'patterns', 'headers', 'paths'] as const;

const hasClue = (category: unknown): boolean =>
  CLUES.some((clue) => itemsAt(category, clue).length > 0 || entriesAt(category, clue).length > 0);

/** Own categories: names that fit a header, patterns that can be matched, and something to tell them by. */
export const categoryRule: Rule = (tree, { pattern }) => {
  const findings: Finding[] = [];
  const own = entriesAt(tree, 'categories', 'own');
  if (own.length > MOST_OWN) {
    findings.push(
      error(['categories', 'own'], `has ${own.length} categories: ${MOST_OWN} at most, since each labels metrics`),
    );
  }
  for (const [name, category] of own) {
    const path: Path = ['categories', 'own', name];
    if (!NAME.test(name)) {
      findings.push(error(path, 'is no name for a category: 1 to 64 printable ASCII characters', 'key'));
    }
    if (!hasClue(category)) {
      findings.push(error(path, `fits no prompt: give it one of ${CLUES.join(', ')}`, 'key'));
    }
    for (const [index, source] of itemsAt(valueAt(category, 'patterns')).entries()) {
      const problem = typeof source === 'string' && source.trim() !== '' ? pattern?.(source) : undefined;
      if (problem !== undefined) {
        findings.push(error([...path, 'patterns', index], `${quote(String(source))} ${problem}`));
      }
    }
  }
  return findings;
};

/** The names that a tree adds to the built-in categories. */
export const ownCategoryNames = (tree: unknown): readonly string[] =>
  entriesAt(tree, 'categories', 'own').map(([name]) => name);
