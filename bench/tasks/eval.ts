import { readFileSync } from 'node:fs';
import { TASK_CATEGORIES } from '../../src/core/types.ts';
import { createCategorizerChain } from '../../src/tasks/index.ts';

interface Item {
  readonly text: string;
  readonly label: string;
  readonly source?: string;
}

/** `npx tsx bench/tasks/eval.ts FILE [--errors] [--threshold T]`: how well the categorizer does on labelled prompts. */
const main = (): void => {
  const args = process.argv.slice(2);
  const thresholdAt = args.indexOf('--threshold');
  const threshold = thresholdAt === -1 ? undefined : Number(args[thresholdAt + 1]);
  const file = args.find((arg, index) => !arg.startsWith('--') && (thresholdAt === -1 || index !== thresholdAt + 1));
  if (file === undefined) {
    console.error(
      'usage: tsx bench/tasks/eval.ts FILE [--errors] [--threshold T]   (FILE: JSON lines {"text","label","source"?})',
    );
    process.exitCode = 2;
    return;
  }
  const items = parse(readFileSync(file, 'utf8'));
  const chain = createCategorizerChain(threshold === undefined ? {} : { threshold });
  const rows = items.map((item) => ({ item, verdict: chain.categorize({ text: item.text, system: '' }) }));
  const hits = rows.filter(({ item, verdict }) => item.label === verdict.category).length;

  const scores = TASK_CATEGORIES.map((category) => {
    const truth = rows.filter(({ item }) => item.label === category);
    const said = rows.filter(({ verdict }) => verdict.category === category);
    const both = truth.filter(({ verdict }) => verdict.category === category).length;
    const precision = said.length === 0 ? 0 : both / said.length;
    const recall = truth.length === 0 ? 0 : both / truth.length;
    const f1 = both === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    return { category, items: truth.length, precision, recall, f1 };
  });
  const present = scores.filter((score) => score.items > 0);
  const macro = present.reduce((sum, { f1 }) => sum + f1, 0) / present.length;

  console.log(`${items.length} prompts   accuracy ${percent(hits / items.length)}   macro-F1 ${percent(macro)}`);
  console.log('\ncategory        items  precision  recall      F1');
  for (const { category, items: n, precision, recall, f1 } of scores) {
    console.log(
      `${category.padEnd(15)} ${pad(n, 5)} ${pad(percent(precision), 10)} ${pad(percent(recall), 7)} ${pad(percent(f1), 7)}`,
    );
  }

  console.log(`\nlabelled \\ answered ${TASK_CATEGORIES.map((c) => pad(c.slice(0, 6), 7)).join('')}`);
  for (const label of TASK_CATEGORIES) {
    const cells = TASK_CATEGORIES.map((category) =>
      pad(rows.filter(({ item, verdict }) => item.label === label && verdict.category === category).length, 7),
    );
    console.log(`${label.padEnd(19)} ${cells.join('')}`);
  }

  console.log(`\ncalibration (expected error ${percent(calibrationError(rows))})`);
  for (const bin of bins(rows)) {
    console.log(`  said ${bin.said.toFixed(2)}  was right ${bin.right.toFixed(2)}  (${bin.count})`);
  }

  console.log('\nsource                              items  accuracy');
  const sources = new Map<string, { count: number; right: number }>();
  for (const { item, verdict } of rows) {
    const name = (item.source ?? 'none').split(/[@: ]/)[0] ?? 'none';
    const entry = sources.get(name) ?? { count: 0, right: 0 };
    entry.count++;
    if (item.label === verdict.category) entry.right++;
    sources.set(name, entry);
  }
  for (const [name, { count, right }] of [...sources].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`${name.padEnd(35)} ${pad(count, 5)} ${pad(percent(right / count), 9)}`);
  }

  console.log(`\ntime per prompt: ${timePerPrompt(items).toFixed(1)} µs (mean over the file, warm)`);
  console.log(
    `100 KB of prose: ${timePerPrompt([{ text: 'Explain how the parser reads this file. '.repeat(2560), label: '' }]).toFixed(1)} µs`,
  );

  if (args.includes('--errors')) {
    console.log('');
    for (const { item, verdict } of rows) {
      if (item.label === verdict.category) continue;
      console.log(
        `${item.label} → ${verdict.category} (${verdict.confidence.toFixed(2)}: ${verdict.why})\n    ${item.text.slice(0, 200).replaceAll('\n', ' ⏎ ')}`,
      );
    }
  }
};

const parse = (text: string): Item[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Item);

type Rows = readonly {
  readonly item: Item;
  readonly verdict: { readonly category: string; readonly confidence: number };
}[];

const bins = (rows: Rows): { said: number; right: number; count: number }[] => {
  const out = Array.from({ length: 10 }, () => ({ said: 0, right: 0, count: 0 }));
  for (const { item, verdict } of rows) {
    const bin = out[Math.min(9, Math.floor(verdict.confidence * 10))];
    if (bin === undefined) continue;
    bin.said += verdict.confidence;
    bin.right += item.label === verdict.category ? 1 : 0;
    bin.count++;
  }
  return out
    .filter(({ count }) => count > 0)
    .map(({ said, right, count }) => ({ said: said / count, right: right / count, count }));
};

const calibrationError = (rows: Rows): number =>
  bins(rows).reduce((sum, { said, right, count }) => sum + (Math.abs(said - right) * count) / rows.length, 0);

/** Mean over repeated passes, after warming up. */
const timePerPrompt = (items: readonly Item[]): number => {
  const chain = createCategorizerChain();
  const pass = (): void => {
    for (const { text } of items) chain.categorize({ text, system: '' });
  };
  const passes = Math.max(3, Math.ceil(3000 / items.length));
  for (let i = 0; i < passes; i++) pass();
  const started = performance.now();
  for (let i = 0; i < passes; i++) pass();
  return ((performance.now() - started) * 1000) / (passes * items.length);
};

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const pad = (value: string | number, width: number): string => String(value).padStart(width);

main();
