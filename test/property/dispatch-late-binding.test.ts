import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outlook } from '../../src/core/outlook.ts';
import type { Facts } from '../../src/facts/facts.ts';
import { foresee, type Surroundings } from '../../src/facts/foresee.ts';
import type { RunnerFacts } from '../../src/facts/runner.ts';
import { COST, costOf } from '../../src/routing/cost.ts';
import { hopefulRateOf, successRate } from '../../src/routing/estimate.ts';
import { playScript, scripts } from '../support/dispatch-script.ts';
import { DispatchWorld, type Request } from '../support/dispatch-world.ts';

/** DISPATCH_RUNS=2000 looks longer. */
const RUNS = Number(process.env['DISPATCH_RUNS'] ?? 60);
/** The pulse asks everybody again, and those who leaned a moment ago are left in peace for 20 ms: so long one may be held. */
const PULSE_MS = 250;
const RESTS_MS = 20;

/** What stands around a forecast while nobody leans anywhere. */
const leaningNowhere = (world: DispatchWorld, waitedMs: number): Surroundings => {
  const { facts, clock, gate, registry } = world;
  const at = clock.now();
  return {
    leaningSince: () => Infinity,
    serviceMs: facts.serviceMs(at),
    queued: gate.size,
    hosts: registry.upCount,
    waitedMs,
    outputTokens: (app, model, now) => facts.lengths.expected(app, model, now),
    excess: (model, now) => facts.lengths.excess(model, now),
    tokensPerByte: (model, now) => facts.ratios.tokensPerByte(model, now),
    worth: (victim, host) => worthOf(facts, victim, host.runners.get(victim), at),
    fit: (_runner, shape) => shape,
  };
};

const worthOf = (facts: Facts, victim: string, runner: RunnerFacts | undefined, at: number): number => {
  const perMinute = facts.arrivals.perMinute(victim, at);
  const others = Math.max(0, facts.copies(victim, at) - 1);
  return (runner?.speeds.loadMs(at) ?? 0) * Math.min(1, perMinute / (1 + 3 * others));
};

const isFull = (facts: RunnerFacts | undefined): boolean => facts === undefined || facts.works.length >= facts.limit;

/** Whether a waiter has nothing to wait for: whoever is best for it by hand, with nobody before it, is free. */
const isHeld = (world: DispatchWorld, request: Request): boolean => {
  const { wish } = request;
  if (wish === undefined) return false;
  const runners = world
    .candidates(request)
    .flatMap(({ facts, stats }) => (facts === undefined ? [] : [{ facts, stats }]));
  if (runners.length === 0) return false;
  const at = world.clock.now();
  const waitedMs = at - wish.since;
  const around = leaningNowhere(world, waitedMs);
  // Looks the prompt up; what it says of those who lean is not wanted.
  world.facts.foresee(wish.demand, runners, at, { waiting: around.queued, hosts: around.hosts }, waitedMs);
  const outlook = new Outlook();
  foresee(wish.demand, runners, at, around, outlook);
  const rows = runners.map((_, row) => row);
  // A short embedding may be sent one more than there are slots; a long one before it need not let it pass.
  if (rows.some((row) => outlook.ready[row] === 1 && isFull(runners[row]?.facts))) return false;
  if (wish.strategy.patient !== true) return rows.some((row) => outlook.ready[row] === 1);
  if (rows.every((row) => outlook.ready[row] === 1)) return true;
  // What affinity draws by chance cannot be worked out by hand.
  if (wish.strategy.name !== 'hybrid') return false;
  const hopeful = hopefulRateOf(world.candidates(request), at, []);
  const costs = runners.map((runner, row) =>
    costOf(outlook, row, successRate(runner.stats, hopeful, at), COST.decodeWeight),
  );
  const best = (ready: number): number => Math.min(...costs.filter((_, row) => outlook.ready[row] === ready));
  return best(1) * (1 + COST.spread) <= best(0);
};

describe('late binding', () => {
  it('holds nobody back while the server that is best for it is free', () => {
    fc.assert(
      fc.property(scripts([undefined, undefined, 2_048]), (script) => {
        const world = new DispatchWorld(script.plans, script.strategy);
        playScript(world, script, () => {
          const at = world.clock.now();
          for (const request of world.waiting) {
            if (!isHeld(world, request)) request.heldSince = undefined;
            else {
              request.heldSince ??= at;
              expect(at - request.heldSince, `r${request.number} waits at ${at}`).toBeLessThanOrEqual(
                PULSE_MS + RESTS_MS,
              );
            }
          }
        });
      }),
      { numRuns: RUNS },
    );
  });
});
