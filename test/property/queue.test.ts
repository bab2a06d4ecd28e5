import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FULL, type Start } from '../../src/admission/entrant.ts';
import { Gate } from '../../src/admission/gate.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { ProxyError } from '../../src/core/errors.ts';
import { PRIORITY_CLASSES, type PriorityClass } from '../../src/core/types.ts';
import { entrant } from '../support/queue-scene.ts';
import { seededRng } from '../../src/core/rng.ts';

/** Two models, each on two backends with one or two slots. */
const MODELS = ['m0', 'm1'] as const;
const BACKENDS = [0, 1] as const;
const MAX_WAITING = 6;

interface Waiting {
  readonly number: number;
  readonly model: string;
  readonly priority: PriorityClass;
  readonly returning: boolean;
  /** The backends that this request may still be sent to. */
  readonly allowed: readonly number[];
  readonly abort: AbortController;
  /** How often its promise, or the call itself, gave an end. */
  settled: number;
  state: 'waiting' | 'running' | 'over';
  on: number | undefined;
  fire: () => void;
}

type Step =
  | {
      readonly do: 'enter';
      readonly model: number;
      readonly priority: PriorityClass;
      readonly failedOn: number | undefined;
    }
  | { readonly do: 'release' | 'leave' | 'time out'; readonly pick: number }
  | { readonly do: 'room without notice'; readonly model: number; readonly backend: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('enter' as const),
      model: fc.nat(1),
      priority: fc.constantFrom(...PRIORITY_CLASSES),
      // Every third one comes back from a backend that failed.
      failedOn: fc.constantFrom(undefined, undefined, undefined, 0, 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('release' as const, 'leave' as const, 'time out' as const),
      pick: fc.nat(50),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('room without notice' as const), model: fc.nat(1), backend: fc.nat(1) }),
  },
);

class World {
  readonly requests: Waiting[] = [];
  readonly started: Waiting[] = [];
  readonly room = new Map<string, number>();
  readonly clock = new ManualClock();
  readonly gate: Gate;
  #timer: (() => void) | undefined;

  constructor(slots: number) {
    for (const model of MODELS) for (const backend of BACKENDS) this.room.set(`${model}/${backend}`, slots);
    const schedule = (_ms: number, run: () => void): (() => void) => {
      this.#timer = run;
      return () => {};
    };
    this.gate = new Gate(
      this.clock,
      schedule,
      {
        maxWaiting: MAX_WAITING,
        maxWaitMs: 1_000,
        classWeights: { interactive: 8, normal: 3, batch: 1 },
      },
      seededRng(1),
    );
  }

  get waiting(): Waiting[] {
    return this.requests.filter(({ state }) => state === 'waiting');
  }

  canStart({ model, allowed }: Waiting): boolean {
    return allowed.some((backend) => (this.room.get(`${model}/${backend}`) ?? 0) > 0);
  }

  enter(model: string, priority: PriorityClass, failedOn: number | undefined): void {
    const request: Waiting = {
      number: this.requests.length,
      model,
      priority,
      returning: failedOn !== undefined,
      allowed: BACKENDS.filter((backend) => backend !== failedOn),
      abort: new AbortController(),
      settled: 0,
      state: 'waiting',
      on: undefined,
      fire: () => {},
    };
    this.requests.push(request);
    const start = (): Start<Waiting> => {
      const backend = request.allowed.find((each) => (this.room.get(`${model}/${each}`) ?? 0) > 0);
      if (backend === undefined) return FULL;
      if (request.state !== 'waiting') throw new Error('started twice, or after its end');
      this.room.set(`${model}/${backend}`, (this.room.get(`${model}/${backend}`) ?? 0) - 1);
      request.state = 'running';
      request.on = backend;
      this.started.push(request);
      // Taking a place may itself announce room, as a breaker does that turns half-open.
      this.gate.pump();
      return { kind: 'started', value: request };
    };
    this.#timer = undefined;
    try {
      const given = this.gate.wait(
        entrant({ lane: model, priority, returning: request.returning }),
        start,
        request.abort.signal,
      );
      if (!(given instanceof Promise)) {
        request.settled++;
        return;
      }
      given.then(
        () => request.settled++,
        () => request.settled++,
      );
      request.fire = this.#timer ?? (() => {});
    } catch (error) {
      if (!(error instanceof ProxyError) || error.code !== 'queue_full') throw error;
      request.settled++;
      request.state = 'over';
    }
  }

  /** @returns whether a place was given back */
  end(request: Waiting, how: 'release' | 'leave' | 'time out'): boolean {
    if (how === 'release' && request.state === 'running') {
      const place = `${request.model}/${request.on ?? -1}`;
      this.room.set(place, (this.room.get(place) ?? 0) + 1);
      request.state = 'over';
      this.gate.pump();
      return true;
    }
    if (how !== 'release' && request.state === 'waiting') {
      request.state = 'over';
      if (how === 'leave') request.abort.abort(new Error('left'));
      else request.fire();
    }
    return false;
  }
}

describe('the queue, whatever enters, leaves and ends', () => {
  it('settles everybody once, keeps its bound, overtakes nobody, and leaves no slot free that somebody waits for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 2 }),
        async (steps, slots) => {
          const world = new World(slots);
          for (const each of steps) {
            let released = false;
            const startedBefore = world.started.length;
            const waitingBefore = world.waiting;
            if (each.do === 'enter') {
              world.enter(MODELS[each.model] ?? 'm0', each.priority, each.failedOn);
            } else if (each.do === 'room without notice') {
              const place = `${MODELS[each.model] ?? 'm0'}/${each.backend}`;
              world.room.set(place, (world.room.get(place) ?? 0) + 1);
            } else {
              const request = world.requests[each.pick % Math.max(1, world.requests.length)];
              if (request !== undefined) released = world.end(request, each.do);
            }
            for (const winner of world.started.slice(startedBefore)) {
              const overtaken = waitingBefore.filter(
                (other) =>
                  other.state === 'waiting' &&
                  other.number < winner.number &&
                  other.model === winner.model &&
                  other.priority === winner.priority &&
                  other.returning === winner.returning &&
                  other.allowed.join() === winner.allowed.join(),
              );
              expect(overtaken).toEqual([]);
            }
            if (each.do !== 'room without notice') {
              const held = world.waiting.filter((request) => world.canStart(request));
              // Room that came without notice is used with the next thing that happens in that lane.
              if (released) expect(held).toEqual([]);
              if (each.do === 'enter') expect(held.filter(({ model }) => model === MODELS[each.model])).toEqual([]);
            }
            const depth = PRIORITY_CLASSES.reduce((sum, priority) => sum + world.gate.depth(priority), 0);
            expect(depth).toBe(world.waiting.length);
            expect(world.waiting.filter(({ returning }) => !returning).length).toBeLessThanOrEqual(MAX_WAITING);
          }
          for (const request of world.waiting) world.end(request, 'leave');
          await new Promise((resolve) => setImmediate(resolve));
          expect(world.requests.filter(({ settled }) => settled !== 1)).toEqual([]);
          for (const priority of PRIORITY_CLASSES) expect(world.gate.depth(priority)).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
