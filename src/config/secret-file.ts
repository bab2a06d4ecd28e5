import { readFileSync, statSync } from 'node:fs';
import { errorText } from '../core/errors.ts';
import { bad, good, quote, type Reading } from './units.ts';

/** Secrets are lines; whoever names something larger has named the wrong file. */
const MOST_BYTES = 64 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied: let the user that runs this read it',
  ENOTDIR: 'a part of its path is not a folder',
};

/**
 * What stands in a file, as Docker and Kubernetes hand out secrets: its text (UTF-8) without the line break at its end.
 * Relative to where the process was started. Never quotes the text back.
 */
export const readSecretFile = (path: string): Reading<string> => {
  const file = quote(path);
  try {
    const stat = statSync(path);
    // A pipe would hold the whole process up.
    if (!stat.isFile()) return bad(`${file} is not a file: name one that holds the secret`);
    if (stat.size > MOST_BYTES) return bad(`${file} is larger than 64 KiB: name one that holds the secret alone`);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)).replace(/\r?\n$/, '');
    return text === '' ? bad(`${file} is empty: write the secret into it`) : good(text);
  } catch (thrown) {
    if (thrown instanceof TypeError) return bad(`${file} is not UTF-8 text`);
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    return bad(`${file} cannot be read: ${REASONS[code] ?? errorText(thrown)}`);
  }
};
