import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createCategorizerChain } from '../../src/tasks/index.ts';
import {
  accuracy,
  calibrationBins,
  calibrationError,
  categoriesOf,
  classScores,
  lengthClass,
  macroF1,
  tempered,
  type Row,
} from './measure.ts';
import { microseconds } from './stopwatch.ts';

interface Item {
  readonly text: string;
  readonly label: string;
  readonly system?: string;
  readonly source?: string;
  readonly language?: string;
}

interface Judged extends Row {
  readonly item: Item;
  readonly why: string;
  readonly probabilities: readonly number[];
}

const USAGE = `usage: npm run eval:tasks -- FILE [--by source|language|length] [--errors] [--loso] [--threshold T]

How well the categorizer does on labelled prompts. FILE holds JSON lines {"text", "label"}, and if known "system",
"source" and "language".

  --by WHAT      a line for each source, language or length; may be given several times (default: source)
  --errors       every miss, with its reason
  --loso         the calibration by leave-one-source-out: a temperature fitted on all other sources
  --threshold T  another confidence below which the answer is unknown`;

const GROUPS: Readonly<Record<string, (item: Item) => string>> = {
  source: ({ source }) => (source ?? 'none').split(/[@: ]/, 1)[0] ?? 'none',
  language: ({ language }) => language ?? 'none',
  length: ({ text }) => lengthClass(text),
};

const main = (): void => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      by: { type: 'string', multiple: true, default: ['source'] },
      errors: { type: 'boolean', default: false },
      loso: { type: 'boolean', default: false },
      threshold: { type: 'string' },
    },
  });
  const [file] = positionals;
  const unknown = values.by.find((group) => GROUPS[group] === undefined);
  if (file === undefined || unknown !== undefined) {
    if (unknown !== undefined) console.error(`--by ${unknown}: it is source, language or length\n`);
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const items = parse(readFileSync(file, 'utf8'));
  const threshold = values.threshold === undefined ? {} : { threshold: Number(values.threshold) };
  const rows = judge(items, threshold);

  console.log(`${rows.length} prompts   accuracy ${percent(accuracy(rows))}   macro-F1 ${percent(macroF1(rows))}`);
  printClasses(rows);
  printConfusion(rows);
  console.log(`\ncalibration (expected error ${percent(calibrationError(rows))})`);
  for (const { said, right, count } of calibrationBins(rows)) {
    console.log(`  said ${said.toFixed(2)}  was right ${right.toFixed(2)}  (${count})`);
  }
  for (const group of values.by) printGroups(group, rows);
  if (values.loso) printLeftOut(rows);
  printTimes(items, threshold);
  if (values.errors) printErrors(rows);
};

const parse = (text: string): readonly Item[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Item);

const judge = (items: readonly Item[], options: { readonly threshold?: number }): readonly Judged[] => {
  const chain = createCategorizerChain(options);
  return items.map((item) => {
    const said = chain.examine({ text: item.text, system: item.system ?? '' });
    return {
      item,
      label: item.label,
      said: said.category,
      confidence: said.confidence,
      why: said.why,
      probabilities: Object.values(said.probabilities),
    };
  });
};

const printClasses = (rows: readonly Row[]): void => {
  console.log('\ncategory        items  precision  recall      F1');
  for (const { category, items, precision, recall, f1 } of classScores(rows)) {
    const cells = [pad(items, 5), pad(percent(precision), 10), pad(percent(recall), 7), pad(percent(f1), 7)];
    console.log(`${category.padEnd(15)} ${cells.join(' ')}`);
  }
};

const printConfusion = (rows: readonly Row[]): void => {
  const categories = categoriesOf(rows);
  console.log(`\nlabelled \\ answered ${categories.map((category) => pad(category.slice(0, 6), 7)).join('')}`);
  for (const label of categories) {
    const cells = categories.map((said) => rows.filter((row) => row.label === label && row.said === said).length);
    console.log(`${label.padEnd(19)} ${cells.map((count) => pad(count, 7)).join('')}`);
  }
};

const groupsOf = (group: string, rows: readonly Judged[]): readonly (readonly [string, readonly Judged[]])[] => {
  const groups = new Map<string, Judged[]>();
  for (const row of rows) {
    const name = GROUPS[group]?.(row.item) ?? 'none';
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1));
};

const printGroups = (group: string, rows: readonly Judged[]): void => {
  console.log(`\n${group.padEnd(35)} items  accuracy  macro-F1`);
  for (const [name, own] of groupsOf(group, rows)) {
    console.log(
      `${name.padEnd(35)} ${pad(own.length, 5)} ${pad(percent(accuracy(own)), 9)} ${pad(percent(macroF1(own)), 9)}`,
    );
  }
};

const TEMPERATURES = Array.from({ length: 41 }, (_, i) => 0.6 + i * 0.03);

/** The temperature with the greatest likelihood of the labels that were said right or wrong. */
const fitTemperature = (rows: readonly Judged[]): number => {
  let best = 1;
  let bestLoss = Infinity;
  for (const temperature of TEMPERATURES) {
    let loss = 0;
    for (const row of rows) {
      const confidence = Math.min(0.999, Math.max(0.001, tempered(row.probabilities, temperature)));
      loss -= Math.log(row.said === row.label ? confidence : 1 - confidence);
    }
    if (loss < bestLoss) [best, bestLoss] = [temperature, loss];
  }
  return best;
};

const printLeftOut = (rows: readonly Judged[]): void => {
  console.log('\nleft out                            items  accuracy  temperature of the others');
  const out: Row[] = [];
  for (const [name, own] of groupsOf('source', rows)) {
    const temperature = fitTemperature(rows.filter((row) => !own.includes(row)));
    for (const row of own) out.push({ ...row, confidence: tempered(row.probabilities, temperature) });
    console.log(
      `${name.padEnd(35)} ${pad(own.length, 5)} ${pad(percent(accuracy(own)), 9)} ${pad(temperature.toFixed(2), 12)}`,
    );
  }
  console.log(`expected calibration error by leave-one-source-out: ${percent(calibrationError(out))}`);
};

const printTimes = (items: readonly Item[], options: { readonly threshold?: number }): void => {
  const chain = createCategorizerChain(options);
  const run = ({ text, system }: Item): unknown => chain.categorize({ text, system: system ?? '' });
  const long = { text: 'Explain how the parser reads this file. '.repeat(2560), label: '' };
  console.log(`\ntime per prompt: ${microseconds(items, run).toFixed(1)} µs of processor (mean over the file, warm)`);
  console.log(`100 KB of prose: ${microseconds([long], run).toFixed(1)} µs`);
};

const printErrors = (rows: readonly Judged[]): void => {
  console.log('');
  for (const { item, label, said, confidence, why } of rows) {
    if (label === said) continue;
    const text = item.text.slice(0, 200).replaceAll('\n', ' ⏎ ');
    console.log(`${label} → ${said} (${confidence.toFixed(2)}: ${why})\n    ${text}`);
  }
};

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const pad = (value: string | number, width: number): string => String(value).padStart(width);

main();
