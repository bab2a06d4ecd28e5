import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Seen } from '../../../src/backends/backend.ts';
import { Prober } from '../../../src/backends/prober.ts';
import { ManualClock } from '../../../src/core/clock.ts';

const UP: Seen = { up: true, version: '1', installed: [], loaded: [] };

interface Scene {
  readonly prober: Prober;
  readonly clock: ManualClock;
  readonly seen: Seen[];
  readonly looks: () => number;
  /** Looks that asked what is installed, too. */
  readonly thorough: () => number;
  readonly closed: () => boolean;
  /** Moves both clocks, a hundred ms at a time. */
  readonly pass: (ms: number) => Promise<void>;
}

const scene = (answer: () => Promise<Seen>, intervalMs = 5_000, busy = () => false): Scene => {
  const clock = new ManualClock();
  const seen: Seen[] = [];
  let looks = 0;
  let thorough = 0;
  let closed = false;
  const prober = new Prober({
    backend: 'a',
    probe: {
      look: (_timeoutMs, brief) => {
        looks++;
        if (!brief) thorough++;
        return answer();
      },
      close: () => {
        closed = true;
      },
    },
    clock,
    rng: { next: () => 0.5 },
    intervalMs,
    timeoutMs: 2_000,
    busy,
    observe: (each) => seen.push(each),
  });
  return {
    prober,
    clock,
    seen,
    looks: () => looks,
    thorough: () => thorough,
    closed: () => closed,
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += 100) {
        clock.advance(100);
        await vi.advanceTimersByTimeAsync(100);
      }
    },
  };
};

describe('the prober', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('looks at once and then at every interval', async () => {
    const { prober, seen, pass } = scene(() => Promise.resolve(UP));
    await prober.start();
    expect(seen).toEqual([UP]);
    await pass(10_000);
    expect(seen.length).toBe(3);
    prober.stop();
  });

  it('looks again within a second after a miss', async () => {
    const { prober, seen, pass } = scene(() => Promise.resolve({ up: false, error: 'x' }));
    await prober.start();
    await pass(3_000);
    expect(seen.length).toBe(4);
    prober.stop();
  });

  it('looks every two seconds at a server that works, and each interval at what is installed', async () => {
    const { prober, looks, thorough, pass } = scene(
      () => Promise.resolve(UP),
      5_000,
      () => true,
    );
    await prober.start();
    await pass(20_100);
    expect(looks()).toBe(11);
    expect(thorough()).toBe(6);
    prober.stop();
  });

  it('takes a look that throws for a miss, with its reason', async () => {
    const { prober, seen } = scene(() => Promise.reject(new Error('odd')));
    await prober.start();
    expect(seen).toEqual([{ up: false, error: 'odd' }]);
    prober.stop();
  });

  it('looks out of turn when asked, but once at a time and not more often than twice a second', async () => {
    let answer: (seen: Seen) => void = () => {};
    const { prober, looks, pass } = scene(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const first = prober.start();
    const joined = prober.now();
    expect(looks()).toBe(1);
    answer(UP);
    await Promise.all([first, joined]);
    await prober.now();
    expect(looks()).toBe(1);
    await pass(600);
    void prober.now();
    expect(looks()).toBe(2);
    prober.stop();
  });

  it('goes quiet when stopped, even in the middle of a look', async () => {
    let answer: (seen: Seen) => void = () => {};
    const { prober, seen, closed, looks, pass } = scene(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const looking = prober.start();
    prober.stop();
    answer(UP);
    await looking;
    await pass(20_000);
    expect([seen.length, looks(), closed(), vi.getTimerCount()]).toEqual([0, 1, true, 0]);
  });
});
