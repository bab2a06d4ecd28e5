import { describe, expect, it } from 'vitest';
import { storyOf } from '../../bench/chaos/virtual.ts';
import { chaos } from '../../bench/chaos/world.ts';

/** CHAOS_SEEDS=500 looks longer; `npm run bench:chaos` looks longest. */
const SEEDS = Number(process.env['CHAOS_SEEDS'] ?? 6);
const REQUESTS = 150;
/** ms for one seed on a machine that is busy with other things. */
const SEED_MS = 20_000;
/** One in which the time of day jumps. */
const JUMPY = 28;

describe('a pool to which everything happens, at random', () => {
  it(
    'keeps its books, its bounds and its promises to every request',
    async () => {
      const mishaps = new Set<string>();
      let served = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const result = await chaos({ seed, requests: REQUESTS });
        expect(storyOf(result, REQUESTS)).toBe('');
        served += result.ends.get('served') ?? 0;
        for (const kind of result.mishaps.keys()) mishaps.add(kind);
      }
      // It was no walk in the park, and no desert either.
      expect(mishaps.size).toBeGreaterThan(10);
      expect(served).toBeGreaterThan((SEEDS * REQUESTS) / 5);
    },
    SEEDS * SEED_MS,
  );

  it('goes the same way twice, whatever jumps the time of day makes', async () => {
    const quiet = await chaos({ seed: JUMPY, requests: REQUESTS, exact: true });
    const dateNow = Date.now;
    let jumps = 0;
    let offsetMs = 0;
    Date.now = () => dateNow() + offsetMs;
    try {
      const jumpy = await chaos({
        seed: JUMPY,
        requests: REQUESTS,
        exact: true,
        wall: (ms) => {
          offsetMs += ms;
          jumps++;
        },
      });
      expect(jumpy).toEqual(quiet);
    } finally {
      Date.now = dateNow;
    }
    expect(jumps).toBeGreaterThan(0);
  });
});
