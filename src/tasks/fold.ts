/**
 * Folding of UTF-16 units, so that `Función`, `FUNCION` and `ｆｕｎｃｉｏｎ` look the same to the lexicon.
 * One table look-up per unit below U+2000, a few range checks above.
 */

/** Not part of a word. */
export const SEPARATOR = 0;
/** Part of no word and no boundary either: combining accents, joiners, variation selectors. */
export const IGNORED = 1;

const TABLE_SIZE = 0x2000;

const buildTable = (): Uint16Array => {
  const table = new Uint16Array(TABLE_SIZE);
  const word = /[\p{L}\p{N}\p{M}]/u;
  for (let unit = 0; unit < TABLE_SIZE; unit++) {
    const char = String.fromCharCode(unit);
    if (unit >= 0x300 && unit <= 0x36f) table[unit] = IGNORED;
    else if (word.test(char)) table[unit] = foldLetter(char, unit);
  }
  table[0xad] = IGNORED; // soft hyphen
  return table;
};

/** Letters that Unicode does not decompose into a base letter and an accent. */
const LONE_LETTERS: Readonly<Record<string, string>> = {
  ß: 's',
  ø: 'o',
  đ: 'd',
  ł: 'l',
  ı: 'i',
  æ: 'a',
  œ: 'o',
  ё: 'е',
};

const foldLetter = (char: string, unit: number): number => {
  const lower = char.toLowerCase();
  const lone = LONE_LETTERS[lower];
  if (lone !== undefined) return lone.charCodeAt(0);
  const isLatin = unit < 0x250 || unit >= 0x1e00;
  return (isLatin ? lower.normalize('NFD') : lower).charCodeAt(0);
};

const table = buildTable();

/** The folded unit, `SEPARATOR` or `IGNORED`. */
export const foldUnit = (unit: number): number => {
  if (unit < TABLE_SIZE) return table[unit] ?? SEPARATOR;
  if (unit >= 0x3041 && unit <= 0xd7ff) return unit; // kana, Han, Hangul
  if (unit === 0x3005 || unit === 0x3007) return unit; // the Han iteration mark and zero
  if (unit >= 0xff01 && unit <= 0xff5e) return table[unit - 0xfee0] ?? SEPARATOR; // full-width ASCII
  if (unit >= 0xf900 && unit <= 0xfaff) return unit; // compatibility ideographs
  if (unit === 0x200c || unit === 0x200d || (unit >= 0xfe00 && unit <= 0xfe0f)) return IGNORED;
  return SEPARATOR;
};

/** Written without spaces between words (or, as Hangul, with endings glued on): every unit may begin a word. */
export const isUnspaced = (unit: number): boolean =>
  (unit >= 0x3041 && unit <= 0xd7ff) || (unit >= 0x0e01 && unit <= 0x0e7f) || (unit >= 0xf900 && unit <= 0xfaff);

/** Scripts whose sentences end with the verb: kana, Hangul, Devanagari. */
export const isVerbFinal = (unit: number): boolean =>
  (unit >= 0x3041 && unit <= 0x30ff) || (unit >= 0xac00 && unit <= 0xd7af) || (unit >= 0x0900 && unit <= 0x097f);

/** Folds a lexicon entry; separators become single spaces. */
export const foldText = (text: string): string => {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const folded = unit === 0x2b || unit === 0x23 ? unit : foldUnit(unit); // c++ and c# keep their signs
    if (folded === IGNORED) continue;
    if (folded !== SEPARATOR) out += String.fromCharCode(folded);
    else if (out !== '' && !out.endsWith(' ')) out += ' ';
  }
  return out.trimEnd();
};
