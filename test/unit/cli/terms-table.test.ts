import { describe, expect, it } from 'vitest';
import { seconds, termsTable } from '../../../src/cli/terms-table.ts';
import { candidateOf } from './answers.ts';

const three = [
  candidateOf('gpu-2', { wait: 0, prefill: 300, decode: 1_080 }, { chosen: true }),
  candidateOf('gpu-1', { wait: 6_000, prefill: 210, decode: 1_080, harm: 300 }, { ready: false }),
  candidateOf('a-server-with-a-very-long-name', { load: 6_000, prefill: 600, decode: 600, evict: 1_500 }),
];
const all = {
  wait: 900,
  load: 800,
  prefill: 700,
  decode: 600,
  slowdown: 500,
  evict: 400,
  harm: 300,
  congestion: 200,
  risk: 100,
};

const lines = (text: string): readonly string[] => text.trimEnd().split('\n');
const bars = (text: string): readonly string[] => lines(text).filter((line) => /^ {2}[a-z█]+$/.test(line));

describe('seconds', () => {
  it.each([
    [0, '0'],
    [4, '0'],
    [420, '0.42'],
    [9_994, '9.99'],
    [9_996, '10.0'],
    [12_340, '12.3'],
    [99_960, '100'],
    [null, '?'],
    [undefined, '?'],
  ])('shows %s ms as %s', (ms, text) => {
    expect(seconds(ms)).toBe(text);
  });
});

describe('the table of terms', () => {
  it('has a row per candidate in their order, marks the chosen one, and leaves out what nobody has', () => {
    expect(lines(termsTable(three, undefined))).toEqual([
      'seconds                           start  first   cost  wait  load prefill decode evict  harm',
      '> gpu-2                             now   0.30   1.38     0     0    0.30   1.08     0     0',
      '  gpu-1                           waits   6.21   7.59  6.00     0    0.21   1.08     0  0.30',
      '  a-server-with-a-very-long-name    now   6.60   8.70     0  6.00    0.60   0.60  1.50     0',
    ]);
  });

  it.each([1, 40, 60, 80, 120])(
    'keeps to %s columns, adding up the smallest parts where there is no room',
    (columns) => {
      const wide = [...three, candidateOf('cpu', all)];
      const text = termsTable(wide, { columns, color: false });
      // Below 40 there is nothing left to leave out.
      expect(Math.max(...lines(text).map((line) => line.length))).toBeLessThanOrEqual(Math.max(40, columns));
      if (columns < 120) expect(lines(text)[0]).toContain('other');
      // Whatever is added up, a row says the same in total.
      const row = lines(text).find((line) => line.startsWith('  cpu')) ?? '';
      const [cost = 0, ...parts] = row.trim().split(/\s+/).slice(3).map(Number);
      expect(parts.reduce((total, part) => total + part, 0)).toBeCloseTo(cost, 1);
    },
  );

  it('draws no bars and no colours into a file', () => {
    expect(bars(termsTable(three, undefined))).toEqual([]);
    expect(termsTable(three, undefined)).not.toContain('\u001B');
  });

  it('draws each cost to scale on a terminal: its parts as letters without colours', () => {
    const drawn = bars(
      termsTable([candidateOf('a', { wait: 500, load: 250 }), candidateOf('b', { wait: 1_000 })], {
        columns: 42,
        color: false,
      }),
    );
    expect(drawn).toEqual([`  ${'w'.repeat(20)}${'l'.repeat(10)}`, `  ${'w'.repeat(40)}`]);
  });

  it('draws blocks in the colours of the headings where colours are welcome', () => {
    const text = termsTable([candidateOf('a', { wait: 500, load: 500 })], { columns: 42, color: true });
    expect(text).toContain(`  \u001B[33m${'█'.repeat(20)}\u001B[0m\u001B[35m${'█'.repeat(20)}\u001B[0m\n`);
    expect(text).toContain('\u001B[33m  wait\u001B[0m');
  });

  it('names the model where candidates differ in it', () => {
    const text = termsTable([candidateOf('a', {}), candidateOf('b', {}, { model: 'n', id: 'b/n' })], undefined);
    expect(text).toMatch(/^ {2}a\/m /m);
    expect(text).toMatch(/^ {2}b\/n /m);
  });

  it('shows what cannot be foreseen as a question mark, and no bar for it', () => {
    const text = termsTable([candidateOf('a', { wait: null }), candidateOf('b', { wait: 100 })], {
      columns: 80,
      color: false,
    });
    expect(text).toMatch(/^ {2}a +now +\? +\? +\?$/m);
    expect(bars(text)).toHaveLength(1);
  });

  it('stops after twenty rows and says how many there are', () => {
    const many = Array.from({ length: 23 }, (_, i) => candidateOf(`s${i}`, { wait: 100 }));
    expect(lines(termsTable(many, undefined))).toHaveLength(22);
    expect(termsTable(many, undefined)).toContain('and 3 more (--json has them all)\n');
  });
});
