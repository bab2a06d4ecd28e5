import { readFile } from 'node:fs/promises';
import { errorText } from '../core/errors.ts';
import { parseConfig, type ParsedConfig } from './parse.ts';
import type { ParseContext } from './types.ts';

export { applyOverrides, type Overrides } from './overrides.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  EACCES: 'permission denied',
};

const reasonOf = (thrown: unknown): string => {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return REASONS[code] ?? errorText(thrown);
};

/**
 * Reads and checks a configuration file (UTF-8). A file that cannot be read is an issue like any other, at its first
 * line; nothing is thrown.
 */
export const loadConfigFile = async (path: string, context: ParseContext): Promise<ParsedConfig> => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (thrown) {
    const reason = thrown instanceof TypeError ? 'it is not UTF-8 text' : reasonOf(thrown);
    const message = `the configuration file cannot be read: ${reason}`;
    return { ok: false, issues: [{ path: '', line: 1, column: 1, message }] };
  }
  return parseConfig(text, context);
};
