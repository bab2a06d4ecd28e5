import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MergedProgress, type Line } from '../../../../src/http/pool/progress.ts';

const layer = (completed: number, total = 100): Line => ({
  status: 'pulling aa',
  digest: 'sha256:aa',
  total,
  completed,
});

describe('merged progress', () => {
  it('fixes the total of a layer at its first report and adds up what is completed', () => {
    const merged = new MergedProgress(['a', 'b']);
    expect(merged.line('a', layer(40))).toEqual([layer(40, 200)]);
    expect(merged.line('b', layer(10))).toEqual([layer(50, 200)]);
  });

  it('shows the lines of one part as they came', () => {
    const merged = new MergedProgress(['a']);
    const lines: readonly Line[] = [
      { status: 'pulling manifest' },
      { status: 'pulling manifest' },
      { status: 'pulling aa', digest: 'sha256:aa', total: 100 },
      { status: 'pulling aa', digest: 'sha256:aa', total: 100 },
      { status: 'new in some version', more: { x: [1] } },
    ];
    expect(lines.flatMap((line) => merged.line('a', line))).toEqual(lines);
    expect(merged.line('a', { status: 'success' })).toEqual([]);
    expect(merged.end('a', { ok: true })).toEqual([{ status: 'success' }]);
  });

  it('shows a status once, when the last part has reached it', () => {
    const merged = new MergedProgress(['a', 'b']);
    expect(merged.line('a', { status: 'pulling manifest' })).toEqual([]);
    expect(merged.line('b', { status: 'pulling manifest' })).toEqual([{ status: 'pulling manifest' }]);
    expect(merged.line('a', { status: 'pulling manifest' })).toEqual([]);
  });

  it('does not wait for a part that has failed', () => {
    const merged = new MergedProgress(['a', 'b']);
    merged.line('a', { status: 'writing manifest' });
    expect(merged.end('b', { ok: false, error: 'disk full' })).toEqual([{ status: 'writing manifest' }]);
  });

  it('names a part that failed and still ends with success when another one succeeded', () => {
    const merged = new MergedProgress(['a', 'b']);
    merged.end('a', { ok: false, error: 'disk full' });
    expect(merged.end('b', { ok: true })).toEqual([
      { status: 'done on b; failed on a (disk full)' },
      { status: 'success' },
    ]);
  });

  it('ends with the one error when all parts failed alike, with each named when they differ', () => {
    const alike = new MergedProgress(['a', 'b']);
    alike.end('a', { ok: false, error: 'no such model' });
    expect(alike.end('b', { ok: false, error: 'no such model' })).toEqual([{ error: 'no such model' }]);
    const different = new MergedProgress(['a', 'b']);
    different.end('a', { ok: false, error: 'x' });
    expect(different.end('b', { ok: false, error: 'y' })).toEqual([{ error: 'a: x; b: y' }]);
  });

  it('fills the bar of a layer although a part failed in its middle', () => {
    const merged = new MergedProgress(['a', 'b']);
    merged.line('a', layer(60));
    merged.line('b', layer(20));
    // What is left moves as one: a bar that had fallen back would stand still instead.
    expect(merged.end('a', { ok: false, error: 'disk full' })).toEqual([]);
    expect(merged.line('b', layer(30))).toEqual([]);
    expect(merged.line('b', layer(50))).toEqual([layer(100, 200)]);
    expect(merged.line('b', layer(100))).toEqual([layer(200, 200)]);
  });

  it('fills the bar of a layer that a part which succeeded never mentioned', () => {
    const merged = new MergedProgress(['a', 'b']);
    merged.line('a', layer(100));
    expect(merged.end('b', { ok: true })).toEqual([layer(200, 200)]);
  });

  it('shows no movement when all have failed', () => {
    const merged = new MergedProgress(['a', 'b']);
    merged.line('a', layer(100));
    merged.end('a', { ok: false, error: 'x' });
    expect(merged.end('b', { ok: false, error: 'x' })).toEqual([{ error: 'x' }]);
  });

  it('stops listening to a part that never stops naming things', () => {
    const merged = new MergedProgress(['a', 'b']);
    let bars = 0;
    for (let i = 0; i < 5_000; i++) {
      merged.line('a', { status: `step ${i}` });
      bars += merged.line('a', { ...layer(1), digest: `sha256:${i}` }).length;
    }
    expect(bars).toBe(1_000);
    const steps = merged.end('b', { ok: false, error: 'x' }).filter(({ digest }) => digest === undefined);
    expect(steps).toHaveLength(1_000);
    expect(merged.end('a', { ok: true }).at(-1)).toEqual({ status: 'success' });
  });

  it('never lets a bar run backwards or past its total, however the lines interleave', () => {
    const step = fc.record({ part: fc.constantFrom('a', 'b', 'c'), completed: fc.integer({ min: 0, max: 100 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const merged = new MergedProgress(['a', 'b', 'c']);
        let last = 0;
        for (const { part, completed } of steps) {
          for (const shown of merged.line(part, layer(completed))) {
            expect(shown['total']).toBe(300);
            expect(shown['completed']).toBeGreaterThanOrEqual(last);
            expect(shown['completed']).toBeLessThanOrEqual(300);
            last = Number(shown['completed']);
          }
        }
      }),
    );
  });

  it('fills every bar and ends with success when any part succeeds, whenever the parts end', () => {
    const step = fc.record({ part: fc.constantFrom('a', 'b', 'c'), completed: fc.integer({ min: 0, max: 100 }) });
    const ends = fc.uniqueArray(fc.record({ part: fc.constantFrom('a', 'b', 'c'), ok: fc.boolean() }), {
      selector: ({ part }) => part,
      minLength: 3,
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), ends, fc.nat(30), (steps, over, at) => {
        const merged = new MergedProgress(['a', 'b', 'c']);
        const shown: Line[] = [];
        const say = (some: typeof steps): void => {
          for (const { part, completed } of some) shown.push(...merged.line(part, layer(completed)));
        };
        const end = ({ part, ok }: (typeof over)[number]): void => {
          shown.push(...merged.end(part, ok ? { ok } : { ok, error: 'x' }));
        };
        say(steps.slice(0, at));
        over.slice(0, 2).forEach(end);
        const [, , last] = over;
        say(steps.slice(at).filter(({ part }) => part === last?.part));
        over.slice(2).forEach(end);
        const bars = shown.filter(({ digest }) => digest !== undefined).map(({ completed }) => Number(completed));
        expect(bars).toEqual(bars.toSorted((x, y) => x - y));
        const anyOk = over.some(({ ok }) => ok);
        if (anyOk && bars.length > 0) expect(bars.at(-1)).toBe(300);
        expect(shown.at(-1)).toEqual(anyOk ? { status: 'success' } : { error: 'x' });
      }),
    );
  });
});
