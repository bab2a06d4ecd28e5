import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { formatIssue, parseConfig } from '../../../src/config/parse.ts';
import type { Config, ParseContext } from '../../../src/config/types.ts';
import { TASK_CATEGORIES } from '../../../src/core/types.ts';
import { STRATEGY_NAMES } from '../../../src/routing/index.ts';

/** What the product hands in, with an environment of the test's own. */
export const contextWith = (env: ParseContext['env'] = {}): ParseContext => ({
  env,
  strategies: STRATEGY_NAMES,
  categories: TASK_CATEGORIES,
});

/** The configuration in a text that must be good. */
export const configOf = (text: string, env: ParseContext['env'] = {}): Config => {
  const parsed = parseConfig(text, contextWith(env));
  if (!parsed.ok) expect.fail(parsed.issues.map((issue) => formatIssue('test', issue)).join('\n'));
  return parsed.value.config;
};

/** The problems of a text, as `check` prints them for a file called `f`. */
export const problemsOf = (text: string, env: ParseContext['env'] = {}): readonly string[] => {
  const parsed = parseConfig(text, contextWith(env));
  return parsed.ok ? [] : parsed.issues.map((issue) => formatIssue('f', issue));
};

/** A file of the repository. */
export const repositoryFile = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
