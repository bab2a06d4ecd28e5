import type { Level } from './model.ts';

export type Style = 'plain' | 'strong' | 'quiet' | Level;

/** A piece of a line in one style. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}
export type Line = readonly Span[];

export const span = (text: string, style: Style = 'plain'): Span => ({ text, style });

/** Select Graphic Rendition codes (ECMA-48 8.3.117): the sixteen colours that every theme has made readable. */
const CODES: Readonly<Record<Style, string>> = {
  plain: '',
  strong: '1',
  quiet: '2',
  ok: '32',
  warn: '33',
  bad: '31',
  busy: '36',
  off: '2',
};

/** Two cells wide in a terminal: East Asian wide and full-width forms (Unicode Annex #11), and emoji. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u{FF01}-\u{FF60}]/u;
/** No cell of their own: marks that go over the character before them, and invisible ones. */
const NONE = /[\p{M}\p{Cf}]/u;
const PLAIN = /^[ -~]*$/;

const cellsOf = (character: string): number => (NONE.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

/** How many cells a text takes. */
export const widthOf = (text: string): number => {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
};

/** The text in at most `width` cells; what is cut off shows as `…`. */
export const clip = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text;
  if (width < 1) return '';
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += cellsOf(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
};

/** The text in exactly `width` cells. */
export const fit = (text: string, width: number): string => {
  const clipped = clip(text, width);
  return clipped + ' '.repeat(Math.max(0, width - widthOf(clipped)));
};

export const fitRight = (text: string, width: number): string => {
  const clipped = clip(text, width);
  return ' '.repeat(Math.max(0, width - widthOf(clipped))) + clipped;
};

/** The text broken between words into lines of at most `width` cells; a longer word stands alone and is cut. */
export const wrapped = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(clip(word, width));
  }
  return lines;
};

/** The line in at most `width` cells, without blanks at its end. */
export const clipLine = (line: Line, width: number): Line => {
  const kept: Span[] = [];
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    const clipped = clip(text, left);
    left = clipped === text ? left - widthOf(text) : 0;
    kept.push({ text: clipped, style });
  }
  const last = kept.at(-1);
  if (last !== undefined) kept[kept.length - 1] = { ...last, text: last.text.trimEnd() };
  return kept;
};

/** A line as it is written: coloured or not, without a line feed. */
export const lineText = (line: Line, color: boolean): string =>
  line
    .map(({ text, style }) => {
      const code = CODES[style];
      return color && code !== '' && text !== '' ? `\u001B[${code}m${text}\u001B[0m` : text;
    })
    .join('');
