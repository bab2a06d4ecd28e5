import type { Outlook } from '../core/outlook.ts';
import type { CostTerms } from './cost.ts';
import { terms } from './cost.ts';
import { percent } from './estimate.ts';

/** A reason names the two largest parts of a cost, and the third one if it is at least this share of the whole. */
const THIRD_COUNTS = 0.1;

/** `0 s`, `40 ms`, `0.4 s`, `12 s`, `1,300 s`. Takes ms. */
export const seconds = (ms: number): string => {
  if (ms < 0.5) return '0 s';
  if (ms < 99.5) return `${Math.round(ms)} ms`;
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${count(ms / 1000)} s`;
};

/** A whole number with commas: 12,400. Not `toLocaleString`, which takes longer than the decision itself. */
export const count = (value: number): string => {
  const digits = String(Math.round(value));
  return digits.length <= 3 ? digits : digits.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
};

/** ms until the first byte of the answer as foreseen: wait, load, and reading beside the others. */
export const firstByteMs = (outlook: Outlook, index: number): number =>
  (outlook.wait[index] ?? 0) +
  (outlook.load[index] ?? 0) +
  (outlook.prefill[index] ?? 0) * (outlook.slowdown[index] ?? 1);

/** How each part of a cost is put into words; in the order in which a reason names them. */
const phrases: readonly (readonly [
  keyof CostTerms,
  (part: number, outlook: Outlook, index: number, p: number) => string,
])[] = [
  ['wait', (part) => `waits ${seconds(part)}`],
  ['load', (part) => `loads ${seconds(part)}`],
  ['prefill', (part, outlook, index) => `reads ${seconds(part)}${remembered(outlook, index)}`],
  ['decode', (_, outlook, index) => `writes ${seconds(outlook.decode[index] ?? 0)}`],
  ['slowdown', (part) => `slowed by others ${seconds(part)}`],
  ['evict', (part) => `makes others load ${seconds(part)}`],
  ['harm', (part) => `delays others ${seconds(part)}`],
  ['congestion', (part) => `price of the queue ${seconds(part)}`],
  ['risk', (_part, _outlook, _index, p) => `${percent(p)} ok`],
];

/**
 * What is foreseen on candidate `index`, with the two or three parts that make most of its cost:
 * `answers in 0.4 s: reads 0.4 s (2,600 of 3,000 tokens remembered), writes 3.6 s`. Times are those that pass, so
 * writing is named in full although it counts less.
 */
export const costInWords = (outlook: Outlook, index: number, p: number, decodeWeight?: number): string => {
  const parts = terms(outlook, index, p, decodeWeight);
  let cost = 0;
  let [first, second, third] = [0, 0, 0];
  for (const [name] of phrases) {
    const part = parts[name];
    cost += part;
    if (part > first) [first, second, third] = [part, first, second];
    else if (part > second) [second, third] = [part, second];
    else if (part > third) third = part;
  }
  const least = third >= THIRD_COUNTS * cost ? third : second;
  let words = `answers in ${seconds(firstByteMs(outlook, index))}`;
  let before = ': ';
  for (const [name, say] of phrases) {
    const part = parts[name];
    if (part <= 0 || part < least) continue;
    words += before + say(part, outlook, index, p);
    before = ', ';
  }
  return words;
};

const remembered = (outlook: Outlook, index: number): string => {
  if (outlook.promptTokens < 1) return '';
  const cached = outlook.cached[index] ?? 0;
  const all = count(outlook.promptTokens);
  return cached < 0.5 ? ` (${all} tokens)` : ` (${count(cached)} of ${all} tokens remembered)`;
};
