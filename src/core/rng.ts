/** A source of chance: uniform in [0, 1). Injected, so that every decision can be replayed from its seed. */
export interface Rng {
  next(): number;
}

/** The process's own generator. */
export const systemRng: Rng = { next: () => Math.random() };

/**
 * A small seeded generator (mulberry32, by Tommy Ettinger, public domain): 32 bits of state, good enough to spread
 * load and to repeat a run, not for secrets.
 */
export const seededRng = (seed: number): Rng => {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
  };
};
