import { TASK_CATEGORIES } from '../../src/core/types.ts';

/** One labelled prompt and what was said of it. */
export interface Row {
  readonly label: string;
  readonly said: string;
  /** 0…1. */
  readonly confidence: number;
}

export interface ClassScore {
  readonly category: string;
  readonly items: number;
  /** 0…1. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Share of rows that were said right; 0 for none. */
export const accuracy = (rows: readonly Row[]): number =>
  rows.length === 0 ? 0 : rows.filter(({ label, said }) => label === said).length / rows.length;

/** Built-in categories first, then others in the order in which they come. */
export const categoriesOf = (rows: readonly Row[]): readonly string[] => [
  ...new Set<string>([...TASK_CATEGORIES, ...rows.flatMap(({ label, said }) => [label, said])]),
];

export const classScores = (rows: readonly Row[]): readonly ClassScore[] =>
  categoriesOf(rows).map((category) => {
    const items = rows.filter(({ label }) => label === category).length;
    const said = rows.filter((row) => row.said === category).length;
    const both = rows.filter((row) => row.label === category && row.said === category).length;
    const precision = said === 0 ? 0 : both / said;
    const recall = items === 0 ? 0 : both / items;
    return { category, items, precision, recall, f1: both === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
  });

/** Mean F1 of the categories that have items: each counts alike, however many it has. */
export const macroF1 = (rows: readonly Row[]): number => {
  const present = classScores(rows).filter(({ items }) => items > 0);
  return present.length === 0 ? 0 : present.reduce((sum, { f1 }) => sum + f1, 0) / present.length;
};

export interface Bin {
  /** Mean confidence. */
  readonly said: number;
  /** Share that was right. */
  readonly right: number;
  readonly count: number;
}

const BINS = 10;

/** Rows by confidence, in ten bins of equal width; empty ones are left out. */
export const calibrationBins = (rows: readonly Row[]): readonly Bin[] => {
  const sums = Array.from({ length: BINS }, () => ({ said: 0, right: 0, count: 0 }));
  for (const { label, said, confidence } of rows) {
    const bin = sums[Math.min(BINS - 1, Math.floor(confidence * BINS))];
    if (bin === undefined) continue;
    bin.said += confidence;
    bin.right += label === said ? 1 : 0;
    bin.count++;
  }
  return sums
    .filter(({ count }) => count > 0)
    .map(({ said, right, count }) => ({ said: said / count, right: right / count, count }));
};

/** Expected calibration error, 0…1 (Guo et al. 2017, "On Calibration of Modern Neural Networks"). */
export const calibrationError = (rows: readonly Row[]): number =>
  calibrationBins(rows).reduce(
    (sum, { said, right, count }) => sum + (Math.abs(said - right) * count) / rows.length,
    0,
  );

/** The largest of probabilities after a further temperature: 1 leaves them, more makes them less sure. */
export const tempered = (probabilities: readonly number[], temperature: number): number => {
  const powers = probabilities.map((p) => p ** (1 / temperature));
  return Math.max(...powers) / powers.reduce((sum, p) => sum + p, 0);
};

/** How long a text is, in words that suit a table. */
export const lengthClass = (text: string): string => {
  if (text.length < 60) return '1: under 60';
  if (text.length < 250) return '2: 60 to 249';
  return text.length < 1000 ? '3: 250 to 999' : '4: 1,000 and more';
};
