import type { ParseContext } from '../config/parse.ts';
import { readSecretFile } from '../config/secret-file.ts';
import { TASK_CATEGORIES } from '../core/types.ts';
import { STRATEGY_NAMES } from '../routing/index.ts';
import { patternProblem } from '../tasks/index.ts';
import type { Io } from './io.ts';

/** What a configuration may name, for parsing and checking it. */
export const parseContext = (env: Io['env']): ParseContext => ({
  env,
  file: readSecretFile,
  strategies: STRATEGY_NAMES,
  categories: TASK_CATEGORIES,
  pattern: patternProblem,
});
