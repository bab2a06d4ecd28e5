import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SimRequest } from '../../../../src/sim/model/job.ts';
import { totalTokens } from '../../../../src/sim/model/prompt.ts';
import { chatModel, newBench, roundProfile, type Seen } from '../support/bench.ts';

const MODELS = ['a', 'b', 'c', 'd'].map((name, index) =>
  chatModel(name, index === 3 ? { slidingWindow: 60 } : { size: 3e9 + index * 1e9 }),
);

const action = fc.record({
  gapMs: fc.integer({ min: 0, max: 4000 }),
  model: fc.nat({ max: MODELS.length - 1 }),
  prompt: fc.array(fc.record({ text: fc.constantFrom('p', 'q', 'r'), tokens: fc.integer({ min: 1, max: 90 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
  outputTokens: fc.integer({ min: 0, max: 40 }),
  numCtx: fc.constantFrom(undefined, 128, 2048),
  keepAliveMs: fc.constantFrom(undefined, 0, 500, 20_000),
  kind: fc.constantFrom('completion' as const, 'completion' as const, 'embedding' as const, 'load' as const),
  leavesAfterMs: fc.constantFrom(undefined, undefined, 0, 50, 3000),
});

const world = fc.record({
  slots: fc.integer({ min: 1, max: 3 }),
  maxLoadedModels: fc.integer({ min: 1, max: 3 }),
  maxQueue: fc.integer({ min: 0, max: 6 }),
  reuse: fc.constantFrom('one-per-model' as const, 'one-per-slot' as const, 'many' as const),
  memoryBytes: fc.constantFrom(4e9, 9e9, 20e9),
  actions: fc.array(action, { minLength: 1, maxLength: 25 }),
});

type World = typeof world extends fc.Arbitrary<infer Value> ? Value : never;

/** Plays a world to its end, looking at the machine after every moment in which something happened. */
const play = ({ actions, memoryBytes, ...options }: World, look: (bench: ReturnType<typeof newBench>) => void) => {
  const bench = newBench({ ...options, profile: { ...roundProfile, memoryBytes } });
  const { clock, send } = bench;
  const all: { seen: Seen; request: Pick<SimRequest, 'prompt'> }[] = [];
  let at = 0;
  for (const { gapMs, model, numCtx, keepAliveMs, leavesAfterMs, kind, ...rest } of actions) {
    at += gapMs;
    clock.at(at, () => {
      const [target] = MODELS.slice(model);
      if (target === undefined) return;
      const seen = send(target, {
        ...rest,
        kind,
        outputTokens: kind === 'completion' ? rest.outputTokens : 0,
        options: numCtx === undefined ? {} : { numCtx },
        ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
      });
      all.push({ seen, request: rest });
      if (leavesAfterMs !== undefined) clock.at(clock.now() + leavesAfterMs, () => seen.ticket.cancel());
    });
  }
  for (let next = clock.next(); next !== undefined; next = clock.next()) {
    clock.run(next);
    look(bench);
  }
  return { ...bench, all };
};

describe('a machine under any load', () => {
  it('never runs more than its slots, loads more than one model at a time, or holds more than its memory', () => {
    fc.assert(
      fc.property(world, (given) => {
        play(given, ({ machine }) => {
          const runners = machine.runners();
          expect(runners.filter((runner) => runner.loading).length).toBeLessThanOrEqual(1);
          expect(runners.length).toBeLessThanOrEqual(given.maxLoadedModels);
          expect(machine.memoryUsed).toBeLessThanOrEqual(given.memoryBytes);
          for (const runner of runners) expect(runner.running).toBeLessThanOrEqual(given.slots);
        });
      }),
    );
  });

  it('ends every request exactly once and accounts for each', () => {
    fc.assert(
      fc.property(world, (given) => {
        const { all, machine } = play(given, () => undefined);
        expect(all.map(({ seen }) => seen.ends)).toEqual(all.map(() => 1));
        const { submitted, done, canceled, busy } = machine.counters;
        expect(done + canceled + busy).toBe(submitted);
        expect([machine.busy, machine.pending, machine.runners().length]).toEqual([0, 0, 0]);
      }),
    );
  });

  it('never reuses more than there was to read, and reports times that add up', () => {
    fc.assert(
      fc.property(world, (given) => {
        for (const { seen, request } of play(given, () => undefined).all) {
          if (seen.end?.kind !== 'done') continue;
          const { promptTokens, cachedTokens, loadMs, slotWaitMs, prefillMs, decodeMs, totalMs } = seen.end.timings;
          expect(promptTokens).toBeLessThanOrEqual(totalTokens(request.prompt));
          expect(cachedTokens).toBeLessThanOrEqual(Math.max(0, promptTokens - 1));
          expect(loadMs + slotWaitMs + prefillMs + decodeMs).toBeCloseTo(totalMs, 6);
        }
      }),
    );
  });

  it('plays the same world the same way twice', () => {
    fc.assert(
      fc.property(world, (given) => {
        const trace = () => {
          const { all, machine } = play(given, () => undefined);
          return { ends: all.map(({ seen }) => [seen.end, seen.endedAt]), counters: machine.counters };
        };
        expect(trace()).toEqual(trace());
      }),
    );
  });
});
