/**
 * The language-neutral vocabulary of the lexical categorizer. A lexicon says which words of a language stand for which
 * concept; `weights.ts` says what a concept is evidence for. Adding a language touches lexicons only, tuning touches
 * weights only.
 */
export const CONCEPTS = {
  // What is asked for.
  create: 'verb',
  add: 'verb',
  light: 'verb',
  implement: 'verb',
  support: 'verb',
  fix: 'verb',
  guard: 'verb',
  debug: 'verb',
  restructure: 'verb',
  reshape: 'verb',
  optimise: 'verb',
  remove: 'verb',
  update: 'verb',
  use: 'verb',
  convert: 'verb',
  verify: 'verb',
  run: 'verb',
  explain: 'verb',
  meaning: 'verb',
  annotate: 'verb',
  review: 'verb',
  find: 'verb',
  prose: 'verb',
  order: 'verb',
  // What it is asked about.
  code: 'object',
  part: 'object',
  vague: 'object',
  test: 'object',
  doc: 'object',
  error: 'object',
  change: 'object',
  quality: 'object',
  speed: 'object',
  security: 'object',
  text: 'object',
  life: 'object',
  tech: 'object',
  // What colours the request without being its verb or its object.
  defect: 'mark',
  why: 'mark',
  what: 'mark',
  howto: 'mark',
  puzzle: 'mark',
  yesno: 'mark',
  symptom: 'mark',
  whenever: 'mark',
  instead: 'mark',
  fresh: 'mark',
  role: 'mark',
  dev: 'mark',
  persona: 'mark',
  // Words that steer the reading and weigh nothing.
  polite: 'glue',
  person: 'glue',
  deictic: 'glue',
  stop: 'glue',
  that: 'glue',
  plain: 'glue',
} as const;

export type Concept = keyof typeof CONCEPTS;
export type ConceptKind = (typeof CONCEPTS)[Concept];

/**
 * The words of one language. Each value is a comma-separated list; an entry may be a phrase, and a final `*` lets it
 * match as the beginning of a word. Case and Latin diacritics do not matter. Entries in scripts without spaces (Han,
 * kana, Hangul, Thai) match anywhere. Where entries overlap, the longest wins.
 */
export type Lexicon = Readonly<Partial<Record<Concept, string>>>;
