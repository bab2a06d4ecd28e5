import type { CandidateView } from '../results/decisions.ts';
import type { Terminal } from './admin-client.ts';

type TermName = keyof CandidateView['terms'];

/** How a part of the cost is shown. `letter` draws it where colours are not welcome. */
interface Part {
  readonly label: string;
  readonly letter: string;
  /** SGR code of its colour. */
  readonly color: number;
}

/** In the order in which they come about. */
const PARTS: readonly (Part & { readonly term: TermName })[] = [
  { term: 'wait', label: 'wait', letter: 'w', color: 33 },
  { term: 'load', label: 'load', letter: 'l', color: 35 },
  { term: 'prefill', label: 'prefill', letter: 'p', color: 36 },
  { term: 'decode', label: 'decode', letter: 'd', color: 34 },
  { term: 'slowdown', label: 'slow', letter: 's', color: 32 },
  { term: 'evict', label: 'evict', letter: 'e', color: 31 },
  { term: 'harm', label: 'harm', letter: 'h', color: 95 },
  { term: 'congestion', label: 'crowd', letter: 'c', color: 93 },
  { term: 'risk', label: 'risk', letter: 'r', color: 91 },
];
const OTHER: Part = { label: 'other', letter: 'o', color: 37 };

/** Rows shown; a large pool is better read from --json. */
const MOST_ROWS = 20;
/** Below this a part reads 0.00 everywhere and its column says nothing. */
const LEAST_MS = 5;
/** No column is narrower: a blank and `99.99`. */
const LEAST_WIDTH = 6;
/** A name keeps at least so many characters before columns are added up instead. */
const LEAST_NAME = 10;
/** A bar longer than that is harder to compare, not easier. */
const LONGEST_BAR = 100;
const INDENT = '  ';

interface Column extends Part {
  /** ms for each candidate; undefined = not to be foreseen. */
  readonly values: readonly (number | null)[];
}

/** ms as seconds of about three digits, without the unit: `0.42`, `12.3`, `123`; `?` where it cannot be foreseen. */
export const seconds = (ms: number | null | undefined): string => {
  if (ms === null || ms === undefined) return '?';
  const value = ms / 1_000;
  if (Math.abs(value) < 0.005) return '0';
  return value.toFixed(Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0);
};

const sum = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

const widthOf = ({ label }: Part): number => Math.max(LEAST_WIDTH, label.length + 1);

/** How much a column says: its largest part. What cannot be foreseen says most. */
const weightOf = ({ values }: Column): number => Math.max(...values.map((value) => value ?? Infinity));

/** The parts of which some candidate has any, the least telling ones added up until the rest fits into `room`. */
const columnsOf = (candidates: readonly CandidateView[], room: number): readonly Column[] => {
  let columns: readonly Column[] = PARTS.map(({ term, ...part }) => ({
    ...part,
    values: candidates.map(({ terms }) => terms[term]),
  })).filter((column) => weightOf(column) >= LEAST_MS);
  const width = (): number => columns.reduce((total, column) => total + widthOf(column), 0);
  while (width() > room && columns.length > 1) {
    const [least, next] = columns.toSorted((a, b) => weightOf(a) - weightOf(b));
    if (least === undefined || next === undefined) break;
    const other: Column = { ...OTHER, values: least.values.map((value, i) => sum(value, next.values[i] ?? null)) };
    columns = [...columns.filter((column) => column !== least && column !== next), other];
  }
  return columns;
};

/** As many characters of a name as there is room for, its end rather than its beginning left out. */
const clipped = (name: string, width: number): string =>
  name.length <= width ? name : `${name.slice(0, Math.max(0, width - 1))}…`;

/** A server by its name, with the model where they differ. */
export const nameOf = (candidate: CandidateView, all: readonly CandidateView[]): string =>
  all.every(({ model }) => model === candidate.model) ? candidate.backend : candidate.id;

const paint = (text: string, { color }: Part, terminal: Terminal | undefined): string =>
  terminal?.color === true && text !== '' ? `\u001B[${color}m${text}\u001B[0m` : text;

/** How many characters each part gets of a bar in which `perCharacter` ms are one; the rounding adds up to the whole. */
const lengths = (values: readonly (number | null)[], perCharacter: number): readonly number[] => {
  let total = 0;
  let drawn = 0;
  return values.map((value) => {
    total += Math.max(0, value ?? 0);
    const until = Math.round(total / perCharacter);
    const length = until - drawn;
    drawn = until;
    return length;
  });
};

/** The whole cost in ms; null where a part of it cannot be foreseen. */
export const costOf = ({ terms }: CandidateView): number | null =>
  PARTS.reduce<number | null>((total, { term }) => sum(total, terms[term]), 0);

/**
 * Candidates as a table, one row each in their order, all in seconds: when it could start, the first token, the parts of
 * the cost that matter, and the cost. On a terminal it keeps to its width and draws each cost as a bar of its parts.
 * Ends with a line feed.
 */
export const termsTable = (candidates: readonly CandidateView[], terminal: Terminal | undefined): string => {
  const shown = candidates.slice(0, MOST_ROWS);
  const names = shown.map((candidate) => `${candidate.chosen ? '>' : ' '} ${nameOf(candidate, candidates)}`);
  const longest = Math.max('seconds'.length, ...names.map(({ length }) => length));
  const fixed: readonly {
    readonly label: string;
    readonly width: number;
    readonly cell: (c: CandidateView) => string;
  }[] = [
    { label: 'start', width: 7, cell: ({ ready }) => (ready ? 'now' : 'waits') },
    { label: 'first', width: 7, cell: ({ predicted }) => seconds(predicted.firstTokenMs) },
    { label: 'cost', width: 7, cell: (candidate) => seconds(costOf(candidate)) },
  ];
  const columns = terminal?.columns ?? Infinity;
  const free = columns - fixed.reduce((total, { width }) => total + width, 0);
  const parts = columnsOf(shown, free - Math.min(longest, LEAST_NAME));
  const nameWidth = Math.max(
    Math.min(longest, free - parts.reduce((total, part) => total + widthOf(part), 0)),
    Math.min(longest, LEAST_NAME),
  );
  const lines = [
    'seconds'.padEnd(nameWidth) +
      fixed.map(({ label, width }) => label.padStart(width)).join('') +
      parts.map((part) => paint(part.label.padStart(widthOf(part)), part, terminal)).join(''),
  ];
  const barWidth = Math.max(1, Math.min(columns - INDENT.length, LONGEST_BAR));
  const dearest = Math.max(
    ...shown.map((_, row) => parts.reduce((total, { values }) => total + (values[row] ?? 0), 0)),
  );
  shown.forEach((candidate, row) => {
    lines.push(
      clipped(names[row] ?? '', nameWidth).padEnd(nameWidth) +
        fixed.map(({ cell, width }) => cell(candidate).padStart(width)).join('') +
        parts.map((part) => seconds(part.values[row]).padStart(widthOf(part))).join(''),
    );
    if (terminal === undefined || dearest <= 0) return;
    const drawn = lengths(
      parts.map(({ values }) => values[row] ?? 0),
      dearest / barWidth,
    );
    const bar = parts
      .map((part, i) => paint((terminal.color ? '█' : part.letter).repeat(drawn[i] ?? 0), part, terminal))
      .join('');
    if (bar !== '') lines.push(INDENT + bar);
  });
  if (candidates.length > shown.length)
    lines.push(`and ${candidates.length - shown.length} more (--json has them all)`);
  return `${lines.join('\n')}\n`;
};
