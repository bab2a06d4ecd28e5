import type { Candidate, TaskFacts } from '../../../src/core/types.ts';
import { Learned } from '../../../src/results/learned.ts';

export interface Told {
  readonly weight?: number;
  readonly inflight?: number;
  /** Results recorded before the ranking, at time 0. */
  readonly results?: readonly {
    readonly success?: boolean;
    readonly ms?: number;
    readonly category?: string;
    readonly times?: number;
    readonly at?: number;
  }[];
}

/** Candidates as a registry would show them, with statistics that `Learned` made of the results told. */
export const candidatesOf = (told: Readonly<Record<string, Told>>): Candidate[] => {
  const learned = new Learned();
  return Object.entries(told).map(([id, { weight = 1, inflight = 0, results = [] }]) => {
    for (const { success = true, ms = 100, category = 'coding', times = 1, at = 0 } of results) {
      for (let i = 0; i < times; i++) learned.record(id, { success, latencyMs: ms, category }, at);
    }
    return { id, backendId: id, model: id, weight, inflight, resident: undefined, stats: learned.of(id) };
  });
};

export const facts = (over: Partial<TaskFacts> = {}): TaskFacts => ({
  category: 'coding',
  model: '',
  affinityKey: undefined,
  ...over,
});

/** How often `pick` gives each id in `times` calls. */
export const tally = (times: number, pick: () => string | undefined): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const id = pick() ?? 'none';
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
};
