import type { Concept } from './concepts.ts';
import type { TaskCategory } from '../core/types.ts';
import type { Sign } from './signs.ts';

/**
 * What each piece of evidence is worth, in log-odds: +1 multiplies the odds of a category by about 2.7. The rows are set
 * by hand from what the words mean; a missing category counts 0. Evidence that a prompt is about software at all is
 * written as a negative `unknown`.
 */
export type Row = Readonly<Partial<Record<TaskCategory, number>>>;

/** Before anything is read, a prompt is probably not about software. */
export const PRIOR: Row = { unknown: 1.2, coding: 0.2, 'code-review': -0.2 };

/** Evidence of a concept wherever it stands in the ask. */
export const CONCEPT_ROWS: Readonly<Partial<Record<Concept, Row>>> = {
  create: { coding: 0.3 },
  add: { coding: 0.4 },
  meaning: { documentation: 1.0, unknown: -0.5 },
  implement: { coding: 1.0, unknown: -0.5 },
  support: { coding: 0.5 },
  fix: { debugging: 0.9 },
  guard: { debugging: 0.5 },
  debug: { debugging: 1.6, unknown: -0.7 },
  restructure: { refactoring: 0.9 },
  reshape: { refactoring: 0.6 },
  optimise: { refactoring: 0.8 },
  remove: { refactoring: 0.3 },
  update: {},
  use: { refactoring: 0.1 },
  convert: { coding: 0.1, refactoring: 0.4 },
  verify: { testing: 0.5 },
  run: { testing: 0.1 },
  explain: { documentation: 0.6 },
  annotate: { documentation: 1.5, unknown: -0.3 },
  review: { 'code-review': 0.9 },
  find: {},
  prose: { unknown: 1.0 },
  code: { coding: 0.35, unknown: -0.9 },
  part: { coding: 0.1, unknown: -0.5 },
  vague: { unknown: -0.1 },
  test: { testing: 1.2, unknown: -0.5 },
  doc: { documentation: 1.0, unknown: -0.1 },
  error: { debugging: 0.7, unknown: -0.3 },
  change: { 'code-review': 0.7, unknown: -0.5 },
  quality: { refactoring: 0.6, 'code-review': 0.1, unknown: -0.4 },
  speed: { refactoring: 0.5, unknown: -0.2 },
  security: { 'code-review': 0.6, unknown: -0.2 },
  text: { unknown: 0.7 },
  life: { unknown: 0.8 },
  tech: { coding: 0.3, unknown: -1.2 },
  defect: { debugging: 0.9 },
  why: { debugging: 0.6 },
  what: { documentation: 0.3, unknown: 0.3 },
  howto: { coding: 0.1 },
  yesno: { 'code-review': 0.3 },
  symptom: { debugging: 0.7 },
  puzzle: { coding: 1.5, unknown: -1.0 },
  instead: { refactoring: 1.0 },
  fresh: { coding: 0.6 },
  role: { unknown: 0.4 },
  dev: { coding: 0.4, unknown: -1.5 },
  persona: { unknown: 1.2 },
};

/** What kind of question the ask is, once something about software is in it. */
export const QUESTION_ROWS = {
  why: { debugging: 1.2 },
  what: { documentation: 1.0 },
  howto: { coding: 0.5 },
} as const satisfies Readonly<Record<string, Row>>;

export const SIGN_ROWS: Readonly<Partial<Record<Sign, Row>>> = {
  fence: { unknown: -1.2 },
  pasted: { unknown: -0.7 },
  stub: { coding: 2.6, unknown: -1.5 },
  exercise: { coding: 2.6, unknown: -2.0 },
  trace: { debugging: 2.0, unknown: -1.5 },
  log: { debugging: 0.7, unknown: -0.3 },
  diff: { 'code-review': 1.4, unknown: -1.5 },
  testCode: { testing: 0.4, unknown: -0.6 },
  testFile: { testing: 0.8, unknown: -0.8 },
  docFile: { documentation: 0.9, unknown: -0.6 },
  codeFile: { coding: 0.1, unknown: -1.0 },
  prefixFeat: { coding: 3.5, unknown: -1.5 },
  prefixFix: { debugging: 3.5, unknown: -1.5 },
  prefixDocs: { documentation: 3.5, unknown: -1.5 },
  prefixTest: { testing: 3.5, unknown: -1.5 },
  prefixReview: { 'code-review': 3.5, unknown: -1.5 },
  prefixRefactor: { refactoring: 3.5, unknown: -1.5 },
};

/**
 * What changes when an ask reads like a commit subject: naming tests or documentation tells which files change,
 * whatever the verb; something missing or wrong tells that it is a fix.
 */
export const COMMIT_ROWS: Readonly<Partial<Record<Concept, Row>>> = {
  doc: { documentation: 2.4 },
  annotate: { documentation: 0.8 },
  test: { testing: 1.8 },
  defect: { debugging: 2.2 },
  whenever: { debugging: 0.5 },
  error: { debugging: 0.3 },
  quality: { refactoring: 0.6 },
  speed: { refactoring: 0.5 },
  instead: { refactoring: 0.5 },
  fresh: { coding: 0.5 },
  support: { coding: 0.5 },
  reshape: { refactoring: 0.8 },
  convert: { refactoring: 0.8 },
  use: { refactoring: 0.5 },
  part: { unknown: -0.4 },
  vague: { unknown: -0.3 },
  text: { unknown: -0.9 },
  life: { unknown: -0.8 },
};

/** Written the way commit subjects are: an imperative, few words, no "please", no question. */
export const COMMIT_STYLE: Row = { unknown: -1.4 };
/** Says how a thing behaves, and asks for nothing. */
export const STATEMENT: Row = { debugging: 1.8, coding: -0.4, unknown: -0.4 };
/** Each name spelled the way programs spell names, up to three. */
export const IDENTIFIER: Row = { unknown: -0.7 };
