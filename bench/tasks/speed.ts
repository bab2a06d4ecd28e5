import { createCategorizerChain } from '../../src/tasks/index.ts';
import { microseconds } from './stopwatch.ts';

/** `npx tsx bench/tasks/speed.ts`: what a verdict costs, for usual prompts and for those made to be slow. */
const chain = createCategorizerChain();
const own = createCategorizerChain({
  own: [
    {
      name: 'slow',
      keywords: Array.from({ length: 200 }, (_, i) => `word${i} phrase`),
      patterns: ['(x+x+)+y', '[ab]*a[ab]{12}c', '(?:.*a){20}$'],
      headers: {},
      paths: [],
      priority: 0,
    },
  ],
});

const SIZE = 100 * 1024;
const fill = (text: string, size = SIZE): string => text.repeat(Math.ceil(size / text.length)).slice(0, size);
const TYPICAL =
  'I have a React component that fetches a list of orders and shows them in a table. Please refactor it so that the ' +
  'fetching happens in a custom hook and the table only gets the rows, without changing what it does.';

const CASES: Readonly<Record<string, string>> = {
  'a few words': 'fix the login bug',
  'typical (213 characters)': TYPICAL,
  'typical, Chinese': '帮我写一个函数，读取订单列表并按客户分组，然后给它补充单元测试，覆盖空列表和异常的情况。',
  '2,500 characters': fill(TYPICAL, 2500),
  '100 KB of prose': fill('Explain how the parser reads this file. '),
  '100 KB of code': fill('export const retry = async (fn, times = 3) => {\n  return await fn(times); // again\n};\n'),
  '100 KB of log': fill('2026-01-02 10:00:00 ERROR request 17 failed\n'),
  '100 KB of one letter': fill('a'),
  '100 KB of one line of brackets': fill('a(b)'),
  '100 KB of nothing but words that count': fill('fix test add code docs review '),
  '100 KB of beginnings of phrases': fill('what is the difference between the best way to '),
  '100 KB of Han': fill('代码测试'),
  '100 KB of line breaks': `a${fill('\n')}b`,
  '100 KB of fences': fill('```\n'),
  '100 KB of trace beginnings': fill('    at x.y.z <a> [b] '),
};

const time = (text: string, which = chain): string =>
  microseconds([text], (each) => which.categorize({ text: each, system: '' })).toFixed(1);

console.log('µs of processor for each prompt, warm, the best of five rounds\n');
for (const [name, text] of Object.entries(CASES)) console.log(`${name.padEnd(42)} ${time(text).padStart(8)}`);
console.log('\nwith own categories: 200 keywords and three patterns that back-tracking engines drown in');
for (const [name, text] of [
  ['typical', TYPICAL],
  ['100 KB of ab', fill('abbaab')],
  ['100 KB of x', fill('x')],
] as const) {
  console.log(`${name.padEnd(42)} ${time(text, own).padStart(8)}`);
}
