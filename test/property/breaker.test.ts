import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as machine from '../../src/backends/breaker.ts';
import type { Breaker } from '../../src/backends/breaker.ts';
import type { BreakerSettings } from '../../src/core/types.ts';
import { loadBreaker, saveBreaker } from '../../src/router/snapshot.ts';

const settings: fc.Arbitrary<BreakerSettings> = fc.record({
  failureThreshold: fc.integer({ min: 1, max: 4 }),
  successThreshold: fc.integer({ min: 1, max: 4 }),
  timeout: fc.integer({ min: 1, max: 100 }),
  halfOpenRequests: fc.integer({ min: 1, max: 3 }),
});
const { abandoned, advance, failed, started, succeeded } = machine;
const moves = { started, succeeded, failed, abandoned, advance };
const steps = ['started', 'succeeded', 'failed', 'abandoned', 'advance'] as const;
const events = fc.array(fc.record({ step: fc.constantFrom(...steps), after: fc.nat({ max: 60 }) }), { maxLength: 60 });

interface Moment {
  readonly before: Breaker;
  readonly after: Breaker;
  readonly step: (typeof steps)[number];
  readonly at: number;
}

/** Plays the events, sending only what the breaker allows, as every caller does. */
const play = (s: BreakerSettings, list: readonly { step: (typeof steps)[number]; after: number }[]): Moment[] => {
  const moments: Moment[] = [];
  let breaker = machine.closedBreaker;
  let at = 0;
  for (const { step, after } of list) {
    at += after;
    if (step === 'started' && !machine.allows(breaker, s, at)) continue;
    const next = moves[step](breaker, s, at);
    moments.push({ before: breaker, after: next, step, at });
    breaker = next;
  }
  return moments;
};

describe('the circuit breaker, for any sequence of events', () => {
  it('changes state only along the arrows of its diagram', () => {
    fc.assert(
      fc.property(settings, events, (s, list) => {
        for (const { before, after, step, at } of play(s, list)) {
          const from = machine.stateOf(before, s, at);
          const to = machine.stateOf(after, s, at);
          if (from === to) continue;
          const arrow = `${from} ${step} ${to}`;
          expect(['closed failed open', 'half-open failed open', 'half-open succeeded closed']).toContain(arrow);
        }
      }),
    );
  });

  it('never has more trials under way than places', () => {
    fc.assert(
      fc.property(settings, events, (s, list) => {
        for (const { after, at } of play(s, list)) {
          const now = machine.advance(after, s, at);
          if (now.state === 'half-open') expect(now.trials.length).toBeLessThanOrEqual(s.halfOpenRequests);
        }
      }),
    );
  });

  it('lets something through again at the latest one timeout after the last event, whatever stays silent', () => {
    fc.assert(
      fc.property(settings, events, (s, list) => {
        const last = play(s, list).at(-1);
        if (last !== undefined) expect(machine.allows(last.after, s, last.at + s.timeout)).toBe(true);
      }),
    );
  });

  it('looks the same before and after it is advanced', () => {
    fc.assert(
      fc.property(settings, events, fc.nat({ max: 200 }), (s, list, later) => {
        for (const { after, at } of play(s, list)) {
          const advanced = machine.advance(after, s, at + later);
          expect(machine.stateOf(advanced, s, at + later)).toBe(machine.stateOf(after, s, at + later));
          expect(machine.allows(advanced, s, at + later)).toBe(machine.allows(after, s, at + later));
        }
      }),
    );
  });

  it('is never more permissive after saving and loading', () => {
    fc.assert(
      fc.property(settings, events, fc.nat({ max: 200 }), (s, list, later) => {
        for (const { after, at } of play(s, list)) {
          const loaded = loadBreaker(saveBreaker(after, s, at), at);
          if (machine.allows(loaded, s, at + later)) {
            expect(machine.allows(after, s, at + later) || machine.stateOf(after, s, at) === 'half-open').toBe(true);
          }
          if (machine.stateOf(after, s, at) === 'half-open') expect(machine.allows(loaded, s, at)).toBe(false);
        }
      }),
    );
  });
});
