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
});
