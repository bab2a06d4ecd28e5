import { readFileSync, statSync } from 'node:fs';
import { errorText } from '../core/errors.ts';
import { bad, good, quote, type Reading } from './units.ts';

/** A bundle of every public CA takes a quarter of this. */
const MOST_BYTES = 1024 * 1024;

/** Whether a setting holds certificates or a key themselves, and not the path of a file with them. */
export const isInlinePem = (source: string): boolean => /^\s*-----BEGIN /.test(source);

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied: let the user that runs this read it',
  ENOTDIR: 'a part of its path is not a folder',
};

/**
 * The PEM text (RFC 7468) that a setting stands for: the setting itself, or what is in the file at that path, relative to
 * where the process was started. Read at once and not in the background, so that certificate and key are of one moment.
 * Never quotes a text back: it may be a key.
 */
export const readPem = (source: string): Reading<string> => {
  if (isInlinePem(source)) return good(source);
  const file = quote(source);
  try {
    const stat = statSync(source);
    // A pipe would hold the whole process up.
    if (!stat.isFile()) return bad(`${file} is not a file: name one in PEM form`);
    if (stat.size > MOST_BYTES) return bad(`${file} is larger than any file of certificates: name one in PEM form`);
    const text = readFileSync(source, 'utf8');
    return text.includes('-----BEGIN ')
      ? good(text)
      : bad(
          `${file} holds nothing in PEM form ("-----BEGIN …"): convert it, for one with openssl x509 or openssl pkey`,
        );
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    return bad(`${file} cannot be read: ${REASONS[code] ?? errorText(thrown)}`);
  }
};
