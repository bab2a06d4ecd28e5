/** Edits (insert, delete, replace, swap two neighbours) that turn one word into the other: optimal string alignment. */
const distance = (a: string, b: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
};

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_ ]/g, '');

/** So short a beginning says nothing. */
const MIN_PREFIX = 3;

const near = (word: string, known: string, edits: number): boolean => {
  const shorter = Math.min(word.length, known.length);
  if (shorter >= MIN_PREFIX && (word.startsWith(known) || known.startsWith(word))) return true;
  return edits <= Math.max(1, Math.floor(Math.max(word.length, known.length) / 3));
};

/**
 * The known word that `word` was probably meant to be: one edit in three letters, or a word cut short or gone on with;
 * undefined if none is near. Case, `_` and `-` do not count.
 */
export const nearest = (word: string, known: readonly string[]): string | undefined => {
  if (word.length > 64) return undefined; // No typo of a known word, and the distance is quadratic.
  let best: string | undefined;
  let bestEdits = Infinity;
  for (const candidate of known) {
    const edits = distance(plain(word), plain(candidate));
    if (edits < bestEdits && near(plain(word), plain(candidate), edits)) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
};

/** `, did you mean "x"?`, or nothing where no known word is near. */
export const didYouMean = (word: string, known: readonly string[]): string => {
  const found = nearest(word, known);
  return found === undefined ? '' : `, did you mean "${found}"?`;
};
