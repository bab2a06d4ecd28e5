import { modelKey } from './model-name.ts';
import { matchesWildcard } from './wildcard.ts';

/**
 * Does a pattern of the configuration fit this model? Without case; one without `*` is a name as Ollama reads names.
 * @param key in the spelling of `modelKey`
 */
export const fitsPattern = (pattern: string, key: string): boolean =>
  pattern.includes('*') ? matchesWildcard(pattern.trim().toLowerCase(), key) : modelKey(pattern) === key;
