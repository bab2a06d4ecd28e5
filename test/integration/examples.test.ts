import { describe, expect, it } from 'vitest';
import { run as roundRobin } from '../../src/examples/01-round-robin.ts';
import { run as performanceBased } from '../../src/examples/02-performance-based.ts';
import { run as affinity } from '../../src/examples/03-affinity.ts';
import { run as circuitBreaker } from '../../src/examples/04-circuit-breaker.ts';
import { run as hybrid } from '../../src/examples/05-hybrid.ts';
import { run as switching } from '../../src/examples/06-dynamic-strategy-switching.ts';
import { run as categorization } from '../../src/examples/07-categorization.ts';
import { run as metricsAnalysis } from '../../src/examples/08-metrics-analysis.ts';
import { EXAMPLES, main } from '../../src/examples/run.ts';

const silent = (): void => undefined;

describe('the examples', () => {
  it('round-robin: tasks go by weight, evenly interleaved, and a model that joins gets its share', async () => {
    const { order, counts, afterJoin } = await roundRobin(silent);
    expect(order.filter((id) => id === 'gpu-large')).toHaveLength(6);
    expect(order.join(' ')).not.toContain('gpu-large gpu-large gpu-large');
    expect(counts).toEqual({ 'gpu-large': 60, 'gpu-small': 20, cpu: 20 });
    expect(afterJoin).toEqual({ 'gpu-new': 50, 'gpu-large': 30, 'gpu-small': 10, cpu: 10 });
  });

  it('performance-based: the soonest good answer wins, a better newcomer is found, load spreads', async () => {
    const { learned, withNewcomer, underLoad } = await performanceBased(silent);
    expect(learned['steady']).toBeGreaterThan(150);
    expect(withNewcomer['newcomer']).toBeGreaterThan(100);
    expect(underLoad['newcomer']).toBeGreaterThan(underLoad['steady'] ?? 0);
    expect(underLoad['steady']).toBeGreaterThan(20);
  });

  it('affinity: each category finds its model, and a burst stays within the load bound', async () => {
    const { favourites, burst } = await affinity(silent);
    expect(favourites).toEqual({ coding: 'coder', documentation: 'writer', testing: 'tester' });
    expect(Math.max(...Object.values(burst))).toBeLessThanOrEqual(5); // a quarter above 12 / 3
    expect(Object.values(burst).reduce((sum, count) => sum + count, 0)).toBe(12);
  });

  it('circuit breaker: it opens, is tried, opens again, closes, and callers of run notice nothing', async () => {
    const { states, events, answeredBy, nothingLeft } = await circuitBreaker(silent);
    expect(states).toEqual(['closed', 'open', 'half-open', 'open', 'half-open', 'closed', 'open', 'closed']);
    expect(events).toEqual([
      'fragile opened',
      'fragile opened',
      'fragile closed',
      'fragile opened',
      'solid opened',
      'fragile closed',
      'solid closed',
    ]);
    expect(answeredBy).toEqual(Array.from({ length: 10 }, () => 'solid'));
    expect(nothingLeft).toContain('fragile: circuit breaker open');
    expect(nothingLeft).toContain('solid: circuit breaker open');
  });

  it('hybrid: spread by load at first, by category once learned', async () => {
    const { blank, learned, bestForCoding } = await hybrid(silent);
    expect(blank).toEqual({ 'all-rounder': 4, coder: 4, writer: 4 });
    expect(learned['coding']?.['coder']).toBeGreaterThan(80);
    expect(learned['documentation']?.['writer']).toBeGreaterThan(80);
    expect(bestForCoding).toBe('coder');
  });

  it('dynamic strategy switching: each change is heard, no result is lost, and what is learned is used', async () => {
    const { changes, byStrategy, recorded, refused } = await switching(silent);
    expect(changes).toEqual([
      'round-robin → least-loaded',
      'least-loaded → random',
      'random → performance',
      'performance → affinity',
      'affinity → hybrid',
      'hybrid → learned',
    ]);
    expect(recorded).toBe(700);
    expect(byStrategy['round-robin']).toEqual({ fast: 34, slow: 33, flaky: 33 });
    expect(byStrategy['performance']?.['fast']).toBeGreaterThan(90);
    expect(refused).toContain('unknown strategy "fastest"');
  });

  it('categorization: the built-in verdicts, a detector of one’s own, and one that throws', async () => {
    const { categories, detected, warnings } = await categorization(silent);
    expect(categories).toEqual([
      'coding',
      'refactoring',
      'testing',
      'documentation',
      'debugging',
      'code-review',
      'unknown',
    ]);
    expect(detected[0]).toBe('sql');
    expect(detected.slice(1)).toEqual([detected[3], detected[3], detected[3]]);
    expect(detected[3]).not.toBe('sql');
    expect(warnings).toBe(1);
  });

  it('metrics analysis: the slow and the unreliable are found, and a snapshot comes back whole', async () => {
    expect(await metricsAnalysis(silent)).toEqual({
      totalRequests: 600,
      slowest: 'qwen',
      leastReliable: 'mistral',
      weakSpot: 'debugging',
      restored: true,
    });
  });

  it.each(EXAMPLES.map(({ name, run }) => [name, run] as const))('%s prints the same every time', async (_, run) => {
    const printed = async (): Promise<readonly string[]> => {
      const lines: string[] = [];
      await run((line) => void lines.push(line));
      return lines;
    };
    const lines = await printed();
    expect(lines.length).toBeGreaterThan(8);
    expect(await printed()).toEqual(lines);
  });
});

describe('the command that runs them', () => {
  const call = async (...args: string[]) => {
    const [out, err]: [string[], string[]] = [[], []];
    const code = await main(
      args,
      (line) => void out.push(line),
      (line) => void err.push(line),
    );
    return { code, out: out.join('\n'), err: err.join('\n') };
  };

  it('runs all by default, in order', async () => {
    const { code, out } = await call();
    expect(code).toBe(0);
    expect(Array.from(out.matchAll(/^── (\d)\./gm), ([, number]) => number)).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
    ]);
  });

  it.each(['4', '04', 'circuit-breaker', '04-circuit-breaker'])('runs one that is called %s', async (word) => {
    const { out } = await call(word);
    expect(Array.from(out.matchAll(/^── (.*?):/gm), ([, title]) => title)).toEqual(['4. circuit-breaker']);
  });

  it('lists what there is on --help', async () => {
    const { code, out } = await call('--help');
    expect(code).toBe(0);
    for (const { name } of EXAMPLES) expect(out).toContain(name);
  });

  it('refuses an example that does not exist with the list, and runs nothing', async () => {
    const { code, out, err } = await call('4', 'nine');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('no example "nine"; there are:');
    for (const { name } of EXAMPLES) expect(err).toContain(name);
  });
});
