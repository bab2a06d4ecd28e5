import { duration } from './amounts.ts';
import { fit, fitRight, span, widthOf, type Line } from './lines.ts';
import type { TopDecision } from './model.ts';

/** A wait for a place that is worth a word, in ms. */
const LEAST_WAIT_MS = 100;
/** `12 min 03 s` */
const TIME_WIDTH = 11;
/** `21:06:41` */
const CLOCK_WIDTH = 8;
/** Share of a line that each of model and server may take. */
const NAME_SHARE = 0.22;
const LEAST_NAME = 6;
/** Below this many cells there is no room for the category or what was foreseen. */
const WIDE = 96;

/** Outcomes that somebody had to do without an answer for; a client that left is not one. */
const BAD: ReadonlySet<string> = new Set(['failed', 'refused']);

const noteOf = ({ outcome, problem, attempts, queueMs }: TopDecision): string =>
  [
    ...(outcome === 'served' ? [] : [problem === '' ? outcome : `${outcome}: ${problem}`]),
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
    ...(queueMs >= LEAST_WAIT_MS ? [`waited ${duration(queueMs)}`] : []),
  ].join(', ');

export interface DecisionsView {
  readonly columns: number;
  /** Lines below the heading. */
  readonly rows: number;
  readonly timeOf: (ms: number) => string;
}

/** One line for each of the last requests below a heading, newest first. */
export const decisionLines = (
  decisions: readonly TopDecision[],
  { columns, rows, timeOf }: DecisionsView,
): readonly Line[] => {
  const shown = decisions.slice(0, rows);
  const most = Math.max(LEAST_NAME, Math.floor(columns * NAME_SHARE));
  const column = (values: readonly string[]): number => Math.min(most, Math.max(LEAST_NAME, ...values.map(widthOf)));
  const wide = columns >= WIDE;
  const categoryWidth = wide ? Math.max('category'.length, ...shown.map(({ category }) => widthOf(category))) : 0;
  const modelWidth = column(shown.map(({ model }) => model));
  const serverWidth = column(shown.map(({ backend }) => backend));
  const category = (text: string): string => (wide ? `${fit(text, categoryWidth)}  ` : '');
  const foreseen = (text: string): string => (wide ? fitRight(text, TIME_WIDTH) : '');
  const lines: Line[] = [
    [
      span(
        `${fit('TIME', CLOCK_WIDTH)}  ${fit('MODEL', modelWidth)}  ${category('CATEGORY')}${fit('SERVER', serverWidth)}  ${foreseen('FORESEEN')}${fitRight('OBSERVED', TIME_WIDTH)}`,
        'quiet',
      ),
    ],
    ...shown.map((each): Line => {
      const note = noteOf(each);
      return [
        span(`${fit(Number.isFinite(each.at) ? timeOf(each.at) : '', CLOCK_WIDTH)}  `, 'quiet'),
        span(
          `${fit(each.model, modelWidth)}  ${category(each.category)}${fit(each.backend === '' ? '–' : each.backend, serverWidth)}  `,
        ),
        span(foreseen(duration(each.foreseenMs)), 'quiet'),
        span(fitRight(duration(each.seenMs), TIME_WIDTH)),
        ...(note === '' ? [] : [span(`  ${note}`, BAD.has(each.outcome) ? 'bad' : 'warn')]),
      ];
    }),
  ];
  if (decisions.length === 0) lines.push([span('no request has ended yet', 'quiet')]);
  return lines;
};
