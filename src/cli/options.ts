import type { Verb } from './usage.ts';

/** What stands behind an option, for those who complete it. */
export type ValueKind = 'file' | 'strategy' | 'profile' | 'class' | 'other';

export interface OptionWord {
  /** Without the dashes. */
  readonly name: string;
  /** undefined = it takes no value */
  readonly value?: ValueKind;
}

const ASKS: readonly OptionWord[] = [
  { name: 'admin', value: 'other' },
  { name: 'token', value: 'other' },
  { name: 'token-file', value: 'file' },
  { name: 'json' },
];

/** The options of each verb besides `--help`, for completion and for telling what was meant. */
export const OPTIONS: Readonly<Record<Verb, readonly OptionWord[]>> = {
  serve: [
    { name: 'config', value: 'file' },
    { name: 'listen', value: 'other' },
    { name: 'admin-listen', value: 'other' },
    { name: 'backend', value: 'other' },
    { name: 'strategy', value: 'strategy' },
  ],
  check: [{ name: 'json' }],
  demo: [{ name: 'once' }],
  sim: [
    { name: 'port', value: 'other' },
    { name: 'profile', value: 'profile' },
    { name: 'models', value: 'other' },
    { name: 'slots', value: 'other' },
    { name: 'time-scale', value: 'other' },
    { name: 'seed', value: 'other' },
  ],
  explain: [
    { name: 'model', value: 'other' },
    { name: 'prompt', value: 'other' },
    { name: 'system', value: 'other' },
    ...ASKS,
  ],
  why: ASKS,
  top: [...ASKS, { name: 'once' }],
  key: [
    { name: 'name', value: 'other' },
    { name: 'tenant', value: 'other' },
    { name: 'class', value: 'class' },
    { name: 'json' },
  ],
  completion: [],
  version: [{ name: 'json' }],
  help: [],
};
