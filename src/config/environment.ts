import { bad, good, type Reading } from './units.ts';

const FILE = 'file:';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Gives what stands in a file. */
export type FileReader = (path: string) => Reading<string>;

const NO_FILES: FileReader = () => bad('${file:…} is not read here: write the value itself, or ${NAME}');

/**
 * Puts environment variables and files into a text: `${NAME}` must be set, `${NAME:-default}` falls back when it is unset
 * or empty (as in a POSIX shell; the default ends at the first `}`), `${file:PATH}` is what stands in a file, and `$${`
 * stands for a plain `${`.
 */
export const interpolate = (text: string, env: Environment, file: FileReader = NO_FILES): Reading<string> => {
  let result = '';
  let from = 0;
  for (let at = text.indexOf('${'); at !== -1; at = text.indexOf('${', from)) {
    if (text[at - 1] === '$' && at > from) {
      result += `${text.slice(from, at - 1)}\${`;
      from = at + 2;
      continue;
    }
    result += text.slice(from, at);
    const end = text.indexOf('}', at);
    const inside = end === -1 ? '' : text.slice(at + 2, end);
    const path = inside.startsWith(FILE) ? inside.slice(FILE.length) : '';
    if (path !== '') {
      const content = file(path);
      if (!content.ok) return content;
      result += content.value;
      from = end + 1;
      continue;
    }
    const part = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(inside);
    const name = part?.[1];
    if (name === undefined) {
      return bad(
        `"${text.slice(at, end === -1 ? at + 20 : end + 1)}" is not a variable: write \${NAME}, \${NAME:-default} or \${file:PATH}, and $\${ for a plain \${`,
      );
    }
    const set = env[name];
    const value = typeof set === 'string' ? set : undefined;
    const fallback = part?.[2];
    if (value === undefined && fallback === undefined) {
      return bad(
        `the environment variable ${name} is not set: set it, or give a default with \${${name}:-some default}`,
      );
    }
    result += fallback !== undefined && (value === undefined || value === '') ? fallback : (value ?? '');
    from = end + 1;
  }
  return good(result + text.slice(from));
};

export interface Shield {
  /** The text with every variable written in characters that mean nothing to YAML; same length, same lines. */
  readonly text: string;
  /** Undoes it in a piece of the text. */
  unshield(piece: string): string;
}

const PRIVATE_USE_START = 0xe000;
const PRIVATE_USE_END = 0xf8ff;
const ASCII = 0x80;

/**
 * Hides `${…}` from the YAML parser: unquoted, its braces end a scalar inside `{ }` and its `:` and `#` may split one.
 * Each ASCII character moves to a block of private-use characters that the text does not use, one for one, so that
 * every position stays what it was.
 */
export const shield = (text: string): Shield => {
  let base = PRIVATE_USE_START;
  const taken = (start: number): boolean => {
    for (const character of text.match(/[\uE000-\uF8FF]/g) ?? []) {
      const code = character.charCodeAt(0);
      if (code >= start && code < start + ASCII) return true;
    }
    return false;
  };
  while (taken(base)) {
    base += ASCII;
    // A text that uses every block is no configuration; it is read as it stands.
    if (base + ASCII > PRIVATE_USE_END) return { text, unshield: (piece) => piece };
  }
  const move = (piece: string, start: number, by: number): string => {
    let moved = '';
    for (let index = 0; index < piece.length; index += 1) {
      const code = piece.charCodeAt(index);
      moved += String.fromCharCode(code >= start && code < start + ASCII ? code + by : code);
    }
    return moved;
  };
  return {
    text: text.replaceAll(/\$\{[A-Za-z_]\w*\}|(?<!\$)\$\{(?:[A-Za-z_]\w*:-|file:)[^}\r\n]*\}/g, (found) =>
      move(found, 0, base),
    ),
    unshield: (piece) => move(piece, base, -base),
  };
};
