import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import type { Outcome } from '../../../src/core/types.ts';
import type { AttemptEnd } from '../../../src/forward/attempt.ts';
import { HedgeBudget, hedgeAfterMs, Lateness, mayHedge, type Hedgeable } from '../../../src/http/hedge.ts';
import { Race, resultOf, type Finished } from '../../../src/http/race.ts';

describe('the budget of second attempts', () => {
  it('allows one, and one more for each fifty requests, of which three can be saved up', () => {
    const budget = new HedgeBudget();
    const takeAll = (): number => {
      let taken = 0;
      for (; budget.left; taken++) budget.take();
      return taken;
    };
    expect(takeAll()).toBe(1);
    for (let i = 0; i < 49; i++) budget.request();
    expect(takeAll()).toBe(0);
    for (let i = 0; i < 2; i++) budget.request();
    expect(takeAll()).toBe(1);
    for (let i = 0; i < 10_000; i++) budget.request();
    expect(takeAll()).toBe(3);
  });

  it('stays within two in a hundred however often it is asked', () => {
    const budget = new HedgeBudget();
    let taken = 0;
    for (let i = 0; i < 5_000; i++) {
      budget.request();
      if (!budget.left) continue;
      budget.take();
      taken++;
    }
    expect(taken).toBeLessThanOrEqual(101);
    expect(taken).toBeGreaterThan(95);
  });
});

describe('how late first bytes come', () => {
  it('is never less than three times what was foreseen, however well that fits', () => {
    const lateness = new Lateness();
    for (let i = 0; i < 1_000; i++) lateness.observed(100, 100);
    expect(lateness.factor).toBeCloseTo(3, 10);
  });

  it('follows the mark that 19 of 20 stay below, up or down', () => {
    const lateness = new Lateness();
    const rng = seededRng(3);
    // Even between 1 and 11: 19 of 20 are below 10.5.
    for (let i = 0; i < 4_000; i++) lateness.observed(100, 100 * (1 + 10 * rng.next()));
    expect(lateness.factor).toBeGreaterThan(9);
    expect(lateness.factor).toBeLessThan(11.5);
    for (let i = 0; i < 4_000; i++) lateness.observed(100, 100);
    expect(lateness.factor).toBeCloseTo(3, 10);
  });

  it('is bounded, and takes zeros and endless waits', () => {
    const lateness = new Lateness();
    for (let i = 0; i < 1_000; i++) lateness.observed(0, Infinity);
    expect(lateness.factor).toBeCloseTo(20, 10);
    for (let i = 0; i < 5_000; i++) lateness.observed(0, 0);
    expect(lateness.factor).toBeCloseTo(3, 10);
  });
});

const FIT: Hedgeable = {
  priority: 'interactive',
  demand: { kind: 'completion', promptBytes: 400 },
  ask: { stream: true, purpose: 'answer', keepsAlive: false },
  whole: true,
  pinned: false,
  attempts: 0,
};

describe('a request', () => {
  it('may be asked twice when it is short, streamed and somebody waits for it', () => {
    expect(mayHedge(FIT)).toBe(true);
  });

  it.each<[string, Partial<Hedgeable>]>([
    ['nobody waits for it', { priority: 'normal' }],
    ['it is a batch', { priority: 'batch' }],
    ['its prompt is long', { demand: { kind: 'completion', promptBytes: 4_097 } }],
    ['it embeds', { demand: { kind: 'embedding', promptBytes: 10 } }],
    ['it is answered in one piece', { ask: { ...FIT.ask, stream: false } }],
    ['it only loads', { ask: { ...FIT.ask, purpose: 'load' } }],
    ['it says how long the model is to stay', { ask: { ...FIT.ask, keepsAlive: true } }],
    ['its body is not all here', { whole: false }],
    ['it names its server', { pinned: true }],
    ['it has failed before', { attempts: 1 }],
  ])('may not when %s', (_what, less) => {
    expect(mayHedge({ ...FIT, ...less })).toBe(false);
  });

  it('waits for as long as is set, or for far longer than was foreseen', () => {
    const at = (foreseenFirstMs: number | undefined, cold = false) =>
      hedgeAfterMs(800, { cold, foreseenFirstMs }, { factor: 4 });
    expect([at(100), at(200), at(1_000)]).toEqual([800, 800, 4_000]);
    expect([at(undefined), at(100, true)]).toEqual([undefined, undefined]);
  });
});

const LEFT: Outcome = { kind: 'client-left', phase: 'head', totalMs: 1 };
const SERVED: Outcome = { kind: 'served', status: 200, firstByteMs: 1, totalMs: 2, usage: undefined };
const BROKEN = { reason: 'reset', blame: 'backend', message: 'broke' } as const;
const FAILED: Outcome = { kind: 'backend-failed', phase: 'head', totalMs: 1, ...BROKEN };

/** An attempt that ends when it is told to. */
class Runner {
  readonly ended: Promise<AttemptEnd>;
  #end: (end: AttemptEnd) => void = () => {};
  readonly #race: Race<string>;

  constructor(race: Race<string>) {
    this.#race = race;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    race.enter(this);
  }

  begins(): void {
    this.#race.answers(this);
  }

  answered(): void {
    this.#end({ kind: 'answered', outcome: SERVED });
  }

  fails(): void {
    const failure = { ...BROKEN, retryable: true };
    this.#end({ kind: 'failed', failure, outcome: FAILED, answer: undefined });
  }

  clientLeft(): void {
    this.#end({ kind: 'left', outcome: LEFT });
  }

  deadlinePassed(): void {
    this.fails();
  }
}

interface Scene {
  readonly race: Race<string>;
  readonly first: Runner;
  readonly second: Runner[];
  readonly over: Promise<Finished<string>>;
}

/** A race in which the second may be sent after a second. */
const begin = (somebody = true): Scene => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const race = new Race<string>();
  const first = new Runner(race);
  const second: Runner[] = [];
  const over = race.run('a', first.ended, 1_000, () => {
    if (!somebody) return undefined;
    const runner = new Runner(race);
    second.push(runner);
    return { place: 'b', end: runner.ended };
  });
  return { race, first, second, over };
};

const secondOf = ({ second }: Scene): Runner => {
  const [only, ...more] = second;
  if (only === undefined || more.length > 0) throw new Error(`${second.length} second attempts`);
  return only;
};

const placesOf = ({ others }: Finished<string>): readonly string[] =>
  others.map(({ place, end }) => `${place} ${end.kind}`);

describe('a race', () => {
  it('is none when the first has a byte, or has failed, before its time', async () => {
    for (const how of ['answered', 'fails'] as const) {
      const scene = begin();
      if (how === 'answered') scene.first.begins();
      else scene.first.fails();
      await vi.advanceTimersByTimeAsync(5_000);
      scene.first.answered();
      const { last, others } = await scene.over;
      expect([last.place, others, scene.second, scene.race.hedged]).toEqual(['a', [], [], false]);
    }
  });

  it('is none when there is nobody to ask', async () => {
    const scene = begin(false);
    await vi.advanceTimersByTimeAsync(5_000);
    scene.first.answered();
    expect((await scene.over).last.place).toBe('a');
    expect(scene.race.hedged).toBe(false);
  });

  it.each(['first', 'second'] as const)('stops the other one at the first byte of the %s', async (winner) => {
    const scene = begin();
    await vi.advanceTimersByTimeAsync(1_000);
    const runners = { first: scene.first, second: secondOf(scene) };
    runners[winner].begins();
    runners[winner].answered();
    const done = await scene.over;
    expect(done.last.end.kind).toBe('answered');
    expect(placesOf(done)).toEqual([winner === 'first' ? 'b left' : 'a left']);
    expect(resultOf(done.last, 'a')).toBe(winner === 'first' ? 'lost' : 'won');
  });

  it('has one winner when both answer in the same tick', async () => {
    const scene = begin();
    await vi.advanceTimersByTimeAsync(1_000);
    const second = secondOf(scene);
    second.begins();
    second.answered();
    // The first was stopped in that moment: what it would have said is not heard.
    scene.first.answered();
    const done = await scene.over;
    expect([done.last.place, done.last.end.kind, ...placesOf(done)]).toEqual(['b', 'answered', 'a left']);
  });

  it('goes on with the one when the other has failed, whichever that is', async () => {
    for (const loser of ['first', 'second'] as const) {
      const scene = begin();
      await vi.advanceTimersByTimeAsync(1_000);
      const runners = { first: scene.first, second: secondOf(scene) };
      const winner = runners[loser === 'first' ? 'second' : 'first'];
      runners[loser].fails();
      await vi.advanceTimersByTimeAsync(1_000);
      winner.begins();
      winner.answered();
      const done = await scene.over;
      expect(done.last.end.kind).toBe('answered');
      expect(placesOf(done)).toEqual([loser === 'first' ? 'a failed' : 'b failed']);
    }
  });

  it('has failed when both have, and the last one decides', async () => {
    for (const later of ['first', 'second'] as const) {
      const scene = begin();
      await vi.advanceTimersByTimeAsync(1_000);
      const runners = { first: scene.first, second: secondOf(scene) };
      runners[later === 'first' ? 'second' : 'first'].fails();
      await vi.advanceTimersByTimeAsync(1);
      runners[later].fails();
      const done = await scene.over;
      expect(done.last.place).toBe(later === 'first' ? 'a' : 'b');
      expect(placesOf(done)).toEqual([later === 'first' ? 'b failed' : 'a failed']);
      expect(resultOf(done.last, 'a')).toBe('failed');
    }
  });

  it('ends with both when the client leaves or its deadline passes', async () => {
    for (const [what, result] of [
      ['clientLeft', 'left'],
      ['deadlinePassed', 'failed'],
    ] as const) {
      const scene = begin();
      await vi.advanceTimersByTimeAsync(1_000);
      scene.race[what]();
      const done = await scene.over;
      expect(done.others).toHaveLength(1);
      expect(resultOf(done.last, 'a')).toBe(result);
    }
  });
});
