import * as fc from 'fast-check';
import { Outlook } from '../../../src/core/outlook.ts';

/** What is foreseen on one candidate; what is left out is 0, and 1 for factors, slots and readiness. */
export interface Foreseen {
  readonly wait?: number;
  readonly load?: number;
  readonly prefill?: number;
  readonly decode?: number;
  readonly slowdown?: number;
  readonly evict?: number;
  readonly harm?: number;
  readonly freshWork?: number;
  readonly cached?: number;
  readonly ready?: number;
  readonly backlog?: number;
  readonly slots?: number;
  readonly slowFirst?: number;
  readonly slowToken?: number;
}

export interface Asked {
  readonly promptTokens?: number;
  readonly serviceMs?: number;
  readonly pressure?: number;
}

const ONES: Foreseen = { slowdown: 1, ready: 1, slots: 1, slowFirst: 1, slowToken: 1 };
const COLUMNS = [
  'wait',
  'load',
  'prefill',
  'decode',
  'slowdown',
  'evict',
  'harm',
  'freshWork',
  'cached',
  'ready',
  'backlog',
  'slots',
  'slowFirst',
  'slowToken',
] as const;

/** An outlook with a row for each of `rows`. */
export const outlookOf = (
  rows: readonly Foreseen[],
  { promptTokens = 0, serviceMs = 0, pressure = 0 }: Asked = {},
): Outlook => {
  const outlook = new Outlook();
  outlook.resize(rows.length);
  Object.assign(outlook, { promptTokens, serviceMs, pressure });
  for (const [i, row] of rows.entries()) {
    for (const column of COLUMNS) outlook[column][i] = row[column] ?? ONES[column] ?? 0;
  }
  return outlook;
};

const span = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e6, noNaN: true }));
const factor = fc.double({ min: 0.25, max: 8, noNaN: true });

/** Any row that a forecast may give, zeros among them. */
export const anyForeseen: fc.Arbitrary<Required<Foreseen>> = fc.record({
  wait: span,
  load: span,
  prefill: span,
  decode: span,
  slowdown: fc.double({ min: 1, max: 5, noNaN: true }),
  evict: span,
  harm: span,
  freshWork: span,
  cached: span,
  ready: fc.constantFrom(0, 1),
  backlog: span,
  slots: fc.integer({ min: 1, max: 8 }),
  slowFirst: factor,
  slowToken: factor,
});

export const anyAsked: fc.Arbitrary<Required<Asked>> = fc.record({
  promptTokens: fc.oneof(fc.constant(0), fc.nat({ max: 200_000 })),
  serviceMs: span,
  pressure: fc.double({ min: 0, max: 10, noNaN: true }),
});
