import type { z } from 'zod';
import { didYouMean } from './nearest.ts';
import { error, pathText, type Finding } from './raw.ts';
import { keysAt } from './schema.ts';

const KINDS: Readonly<Record<string, string>> = {
  object: 'must be a mapping of keys to values',
  record: 'must be a mapping of names to values',
  array: 'must be a list: begin each item with "- "',
};

/** One problem of the schema as the problems of the file: an unknown key each, or a value. */
export const schemaFindings = (issue: z.core.$ZodIssue): readonly Finding[] => {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    return issue.keys.map((key) => {
      const where = issue.path.length === 0 ? '' : ` under ${pathText(issue.path)}`;
      const hint = didYouMean(key, known) || `; known${where} are ${known.join(', ')}`;
      return error([...issue.path, key], `unknown key${hint}`, 'key');
    });
  }
  const kind = issue.code === 'invalid_type' ? KINDS[issue.expected] : undefined;
  return [error(issue.path, kind ?? issue.message)];
};
