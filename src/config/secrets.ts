import { readToken } from './backend-values.ts';
import type { FileReader } from './environment.ts';
import { valueAt } from './raw.ts';
import { bad, quote, type Reading } from './units.ts';

const HIDDEN = '[hidden]';
/** Shorter texts are no secrets, and words of messages would vanish with them. */
const LEAST_LENGTH = 4;

const NO_FILES: FileReader = () => bad('files are not read here');

/** What one reading of a configuration takes out of files, and how messages keep quiet about it. */
export class Secrets {
  readonly #read: FileReader;
  readonly #texts = new Set<string>();

  constructor(read: FileReader = NO_FILES) {
    this.#read = read;
  }

  readonly file: FileReader = (path) => {
    const reading = this.#read(path);
    if (reading.ok && reading.value.length >= LEAST_LENGTH) this.#texts.add(reading.value);
    return reading;
  };

  /** A message without what was read, in any of the forms in which messages quote. */
  conceal(message: string): string {
    let concealed = message;
    for (const text of this.#texts) {
      for (const form of [text, JSON.stringify(text).slice(1, -1), quote(text).slice(1).replace(/["…]$/, '')]) {
        concealed = concealed.replaceAll(form, HIDDEN);
      }
    }
    return concealed;
  }
}

/** The token in `admin.token_file`; undefined where there is no such key. */
export const tokenFromFile = (tree: unknown, file: FileReader): Reading<string | undefined> | undefined => {
  const path = valueAt(tree, 'admin', 'token_file');
  if (typeof path !== 'string' || path.trim() === '') return undefined;
  const token = valueAt(tree, 'admin', 'token');
  if (token !== undefined && token !== '') return bad('is set beside admin.token: keep one of the two');
  const content = file(path);
  if (!content.ok) return content;
  const read = readToken(content.value);
  return read.ok ? read : bad(`what stands in ${quote(path)} ${read.message}`);
};
