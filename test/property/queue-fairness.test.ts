import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entrant } from '../../src/admission/entrant.ts';
import { PRIORITY_CLASSES, type PriorityClass } from '../../src/core/types.ts';
import { entrant, QueueScene } from '../support/queue-scene.ts';

describe('tenants that wait all the time', () => {
  /**
   * VTC (OSDI'24, theorem 4.4) bounds the gap by 2 · max(input weight · longest prompt, output weight · most tokens in
   * flight). Here what was written is charged at the end: until then at most what is in flight is not counted.
   */
  it('never differ in what they were served by more than 2 · max(longest prompt, 2 · most output in flight)', () => {
    const SLOTS = 3;
    const job = fc.record({
      promptTokens: fc.integer({ min: 1, max: 500 }),
      outputTokens: fc.integer({ min: 0, max: 200 }),
      estimate: fc.double({ min: 0.2, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(job, job), { minLength: 40, maxLength: 80 }),
        fc.array(fc.nat(SLOTS - 1), { minLength: 60, maxLength: 60 }),
        fc.boolean(),
        (jobs, ends, exact) => {
          const scene = new QueueScene({ m: SLOTS });
          const running: { readonly who: Entrant; readonly outputTokens: number; readonly promptTokens: number }[] = [];
          const servedTo: Record<string, number> = { a: 0, b: 0 };
          const waiting: Record<string, number> = { a: 0, b: 0 };
          let longest = 0;
          let output = 0;
          const enter = (tenant: string, { promptTokens, outputTokens, estimate }: (typeof jobs)[number][0]): void => {
            longest = Math.max(longest, promptTokens);
            output = Math.max(output, outputTokens);
            const foreseen = exact ? promptTokens : Math.ceil(promptTokens * estimate);
            const who = entrant({ tenant, promptTokens: foreseen });
            waiting[tenant] = (waiting[tenant] ?? 0) + 1;
            scene.gate.enter(who, () => scene.start(tenant, who), {
              started: () => {
                waiting[tenant] = (waiting[tenant] ?? 0) - 1;
                running.push({ who, outputTokens, promptTokens });
              },
              refused: (error) => {
                throw error;
              },
            });
          };
          scene.room['m'] = 0;
          for (const [a, b] of jobs) {
            enter('a', a);
            enter('b', b);
          }
          scene.free(SLOTS);
          for (const end of ends) {
            const [over] = running.splice(end % Math.max(1, running.length), 1);
            if (over === undefined || waiting['a'] === 0 || waiting['b'] === 0) break;
            const { who, promptTokens, outputTokens } = over;
            servedTo[who.tenant] = (servedTo[who.tenant] ?? 0) + promptTokens + 2 * outputTokens;
            scene.gate.settle(who, { promptTokens, outputTokens });
            scene.free();
            const gap = Math.abs((servedTo['a'] ?? 0) - (servedTo['b'] ?? 0));
            // What was not foreseen of a prompt is counted at the end too, like what was written.
            const inFlight = SLOTS * (2 * output + longest);
            expect(gap).toBeLessThanOrEqual(2 * Math.max(longest, inFlight));
            const [one, other] = scene.gate.tenants(2);
            const bound = exact ? Math.max(longest, 2 * SLOTS * output) : Math.max(longest, inFlight);
            expect(Math.abs((one?.counter ?? 0) - (other?.counter ?? 0))).toBeLessThanOrEqual(2 * bound);
          }
        },
      ),
    );
  });

  it('share by their weights', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), (weightA, weightB) => {
        const scene = new QueueScene({ m: 0 });
        for (let i = 0; i < 60; i++) {
          scene.add('a', { tenant: 'a', tenantWeight: weightA, promptTokens: 100 });
          scene.add('b', { tenant: 'b', tenantWeight: weightB, promptTokens: 100 });
        }
        scene.free(60);
        const a = scene.started.filter((name) => name === 'a').length;
        expect(Math.abs(a - (60 * weightA) / (weightA + weightB))).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('classes that wait all the time', () => {
  it('share every lane by their weights, whatever happens in other lanes', () => {
    const weight = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(
        fc.record({ interactive: weight, normal: weight, batch: weight }),
        fc.array(fc.constantFrom('m', 'n'), { minLength: 30, maxLength: 100 }),
        (classWeights, places) => {
          const scene = new QueueScene({}, { classWeights });
          for (let i = 0; i < 110; i++) {
            for (const priority of PRIORITY_CLASSES) {
              for (const lane of ['m', 'n']) scene.add(`${lane} ${priority}`, { lane, priority });
            }
          }
          for (const lane of places) scene.free(1, lane);
          const total = classWeights.interactive + classWeights.normal + classWeights.batch;
          for (const lane of ['m', 'n']) {
            const there = scene.started.filter((name) => name.startsWith(lane));
            for (const priority of PRIORITY_CLASSES) {
              const count = there.filter((name) => name.endsWith(priority)).length;
              expect(Math.abs(count - (there.length * classWeights[priority]) / total)).toBeLessThanOrEqual(1.5);
            }
          }
        },
      ),
    );
  });

  it('starve nobody: whoever was there first starts within two promotions and one turn of the others', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<PriorityClass>('normal', 'batch'),
        fc.integer({ min: 1, max: 20 }),
        (priority, seconds) => {
          // The weights give the class nothing that counts, and interactive requests come faster than they are served.
          const scene = new QueueScene(
            {},
            { classWeights: { interactive: 1_000_000, normal: 1e-6, batch: 1e-6 }, shed: false },
          );
          scene.add('first', { priority });
          let at = 0;
          while (!scene.started.includes('first') && at < 400_000) {
            scene.add('other', { priority: 'interactive' });
            scene.add('other', { priority: 'interactive' });
            scene.clock.advance(seconds * 1_000);
            at += seconds * 1_000;
            scene.free();
          }
          const turns = priority === 'batch' ? 2 : 1;
          // Having arrived first it is the first of its class once it is promoted.
          expect(at).toBeLessThanOrEqual(turns * (60_000 + seconds * 1_000) + seconds * 1_000);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('a walk, whoever waits', () => {
  it('asks each lane once where nothing is free, besides those who come back', () => {
    const some = fc.record({
      lane: fc.constantFrom('a', 'b', 'c', 'd'),
      priority: fc.constantFrom(...PRIORITY_CLASSES),
      tenant: fc.constantFrom('x', 'y', 'z'),
      promptTokens: fc.nat(100),
      returning: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 60 }), (entrants) => {
        const scene = new QueueScene();
        for (const each of entrants) scene.add(each.returning ? 'back' : each.lane, each);
        scene.take('asked');
        scene.gate.pump();
        const fresh = scene.asked.filter((name) => name !== 'back');
        expect(fresh.toSorted()).toEqual(
          [...new Set(entrants.filter(({ returning }) => !returning).map(({ lane }) => lane))].toSorted(),
        );
        expect(scene.asked.length - fresh.length).toBeLessThanOrEqual(
          entrants.filter(({ returning }) => returning).length,
        );
      }),
    );
  });

  it('asks nobody twice, and at most 32 who lean of each class', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            lane: fc.constantFrom('a', 'b'),
            priority: fc.constantFrom(...PRIORITY_CLASSES),
            lean: fc.boolean(),
          }),
          { maxLength: 150, size: 'max' },
        ),
        fc.nat(3),
        (entrants, places) => {
          const scene = new QueueScene();
          const classOf = new Map<string, PriorityClass>();
          for (const [i, { lane, priority, lean }] of entrants.entries()) {
            const name = `${i}`;
            if (lean) scene.lean.add(name);
            classOf.set(name, priority);
            scene.add(name, { lane, priority, tenant: `t${i % 5}` });
          }
          scene.take('asked');
          scene.room['a'] = places;
          scene.gate.pump();
          expect(new Set(scene.asked).size).toBe(scene.asked.length);
          for (const priority of PRIORITY_CLASSES) {
            const leaned = scene.asked.filter((name) => scene.lean.has(name) && classOf.get(name) === priority);
            expect(leaned.length).toBeLessThanOrEqual(32);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('deadlines', () => {
  it('are never passed by one who starts, where timers run when they are due', () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: 400 }),
      deadline: fc.integer({ min: 1, max: 2_000 }),
      places: fc.nat(1),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const scene = new QueueScene({}, { shed: false });
        const due: number[] = [];
        let ended = 0;
        for (const { wait, deadline, places } of steps) {
          scene.clock.advance(wait);
          const now = scene.clock.now();
          for (const [i, timer] of scene.timers.entries()) {
            if (timer.cancelled || (due[i] ?? Infinity) > now) continue;
            timer.run();
          }
          scene.free(places);
          const until = now + deadline;
          const who = entrant({ deadline: until });
          scene.gate.enter(who, () => scene.start('x', who), {
            started: () => {
              ended++;
              expect(scene.clock.now()).toBeLessThanOrEqual(until);
            },
            refused: (error) => {
              ended++;
              expect(error.code).toBe('deadline_exceeded');
            },
          });
          for (const { ms } of scene.timers.slice(due.length)) due.push(now + ms);
        }
        expect(ended + scene.gate.size).toBe(steps.length);
      }),
    );
  });
});
