import { describe, expect, it } from 'vitest';
import { Registry } from '../../../src/backends/registry.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { seededRng } from '../../../src/core/rng.ts';
import { BREAKER_DEFAULTS, type Outcome } from '../../../src/core/types.ts';
import { NO_DEMAND } from '../../../src/core/demand.ts';
import { SavedState, type UncheckedRecord } from '../../../src/dispatch/saved-state.ts';
import { Facts } from '../../../src/facts/facts.ts';
import { Decisions } from '../../../src/results/decisions.ts';
import { History } from '../../../src/results/history.ts';
import { Learned } from '../../../src/results/learned.ts';
import { Metrics } from '../../../src/results/metrics.ts';
import { Recorder } from '../../../src/results/recorder.ts';
import { backendConfig, OUTCOMES, upWith } from '../../support/backend-pool.ts';
import { LogBook } from '../../support/log-book.ts';

const M = 'llama3.2:3b';
const TIMEOUT = 30_000;

const metrics = new Metrics(
  {
    backends: () => [],
    queueDepth: () => 0,
    availability: () => [],
    strategy: () => '',
    knownModel: () => true,
    placementActions: () => [],
    suspects: () => [],
    digestSkew: () => [],
    keyRequests: () => [],
    keyTokens: () => [],
  },
  '0',
);

interface Scene {
  readonly registry: Registry;
  readonly facts: Facts;
  readonly learned: Learned;
  readonly recorder: Recorder;
  readonly clock: ManualClock;
  readonly log: LogBook;
  readonly state: SavedState;
  strategy: string;
  configured: string;
  key: readonly [number, number];
}

/** A proxy's knowledge on a clock that begins at 0, of backends at these URLs that nobody has looked at. */
const scene = (urls: Readonly<Record<string, string>> = { a: 'http://a:1', b: 'http://b:1' }): Scene => {
  const clock = new ManualClock();
  const facts = new Facts();
  const learned = new Learned();
  const log = new LogBook();
  const recorder = new Recorder(learned, metrics, new History(1), new Decisions(1), log);
  const registry = new Registry({
    clock,
    facts,
    statsOf: (id) => learned.of(id),
    forget: (id) => recorder.forget(id),
    events: {
      released: () => undefined,
      loaded: () => undefined,
      breakerChanged: () => undefined,
      healthChanged: () => undefined,
      modelsChanged: () => undefined,
      looked: () => undefined,
    },
    breaker: { ...BREAKER_DEFAULTS, failureThreshold: 1, timeout: TIMEOUT },
    health: { unhealthyAfter: 3, healthyAfter: 1 },
    rng: seededRng(1),
  });
  registry.apply(Object.entries(urls).map(([name, url]) => backendConfig(name, { url: new URL(url), slots: 'auto' })));
  const made: Scene = {
    registry,
    facts,
    learned,
    recorder,
    clock,
    log,
    strategy: 'hybrid',
    configured: 'hybrid',
    key: [1, 2],
    state: new SavedState({
      registry,
      facts,
      learned,
      recorder,
      clock,
      log,
      strategy: {
        current: () => made.strategy,
        configured: () => made.configured,
        restore: (name) => void (made.strategy = name),
      },
      keys: { save: () => [], restore: () => undefined },
      key: { get: () => made.key, set: (key) => void (made.key = key) },
    }),
  };
  return made;
};

const USAGE = { promptTokens: 400, outputTokens: 100, prefillMs: 200, decodeMs: 1_000, loadMs: 0, cachedTokens: 0 };
const SERVED: Outcome = { kind: 'served', status: 200, firstByteMs: 200, totalMs: 1_300, usage: USAGE };

/** One request for M on `backend`, with this end. */
const request = ({ registry, recorder, clock }: Scene, backend: string, outcome: Outcome = SERVED): void => {
  const runner = registry.eligible(M).runners.find(({ backendId }) => backendId === backend);
  if (runner === undefined) expect.fail(`${backend} takes nothing`);
  const demand = { ...NO_DEMAND, kind: 'completion', promptBytes: 1_600, app: 's:app' } as const;
  const lease = registry.tryAcquire(runner, { demand, streams: true, expected: undefined, room: true });
  lease?.began();
  clock.advance(1_300);
  lease?.end(outcome);
  recorder.attempt(runner.id, 'coding', outcome, clock.now());
};

const look = ({ registry }: Scene, ...backends: readonly string[]): void => {
  for (const id of backends) registry.observe(id, upWith(M));
};

/** What an experienced scene saves, as it comes back from a file. */
const recordsOf = ({ state }: Scene): readonly UncheckedRecord[] =>
  JSON.parse(JSON.stringify(Array.from(state.capture(), ({ record }) => record))) as UncheckedRecord[];

const experienced = (): Scene => {
  const before = scene();
  look(before, 'a', 'b');
  for (let i = 0; i < 5; i++) request(before, 'a');
  request(before, 'b', OUTCOMES['model-fault']);
  return before;
};

/** What both know of M on a. */
const knows = ({ facts, learned, recorder, clock }: Scene): unknown => {
  const at = clock.now();
  const { speeds, slots } = facts.runner('a', M, 1);
  const { successes, failures, latencyMs, latencySamples } = learned.of(`a/${M}`);
  return {
    speeds: speeds.snapshot(at),
    slots: slots.snapshot(at),
    stats: { successes, failures, latencyMs, latencySamples },
    category: learned.of(`a/${M}`).category('coding')?.successes,
    metrics: recorder.modelMetrics()[`a/${M}`],
    length: facts.lengths.expected('s:app', M, at),
    ratio: facts.ratios.tokensPerByte(M, at),
    serviceMs: facts.serviceMs(at),
  };
};

describe('what outlives a restart', () => {
  it('is all that was learned, whether the backends were looked at before or after', () => {
    const before = experienced();
    const after = scene();
    after.state.restore(recordsOf(before), 0);
    look(after, 'a', 'b');
    expect(knows(after)).toEqual(knows(before));
    expect(after.key).toEqual(before.key);

    const late = scene();
    look(late, 'a', 'b');
    late.state.restore(recordsOf(before), 0);
    expect(knows(late)).toEqual(knows(before));
    expect(after.log.lines).toEqual([]);
  });

  it('has aged by the time that nobody was there', () => {
    const before = experienced();
    const idle = experienced();
    idle.clock.advance(120_000);
    const after = scene();
    after.state.restore(recordsOf(before), 120_000);
    look(after, 'a');
    expect(knows(after)).toEqual({ ...(knows(idle) as object), stats: expect.anything() });
  });

  it('is a breaker that is open for the rest of its time', () => {
    const before = experienced();
    before.clock.advance(10_000);
    const after = scene();
    after.state.restore(recordsOf(before), 5_000);
    look(after, 'a', 'b');
    const holders = (): readonly string[] => after.registry.eligible(M).runners.map(({ backendId }) => backendId);
    expect(holders()).toEqual(['a']);
    after.clock.advance(TIMEOUT - 15_001);
    expect(holders()).toEqual(['a']);
    after.clock.advance(1);
    expect(holders()).toEqual(['a', 'b']);
  });

  it('is the breaker of a backend as a whole, before anybody has looked at it', () => {
    const before = scene();
    look(before, 'a');
    request(before, 'a', OUTCOMES['backend-fault']);
    const after = scene();
    after.state.restore(recordsOf(before), 0);
    expect(after.registry.snapshots().map(({ breaker }) => breaker)).toEqual(['open', 'closed']);
  });

  it('is kept over a second restart although the backend was not seen in between', () => {
    const before = experienced();
    const between = scene();
    between.state.restore(recordsOf(before), 0);
    between.clock.advance(60_000);
    const after = scene();
    after.state.restore(recordsOf(between), 0);
    look(after, 'a');
    before.clock.advance(60_000);
    expect(knows(after)).toEqual({ ...(knows(before) as object), stats: expect.anything() });
  });

  it('is nothing of models that are gone by the time the backend is seen', () => {
    const after = scene();
    after.state.restore(recordsOf(experienced()), 0);
    for (const id of ['a', 'b']) after.registry.observe(id, upWith('another:1b'));
    expect(recordsOf(after).filter(({ kind }) => kind === 'runner')).toEqual([]);
    expect(after.learned.of(`a/${M}`).successes).toBe(0);
    expect(after.recorder.modelMetrics()).toEqual({});
    look(after, 'a', 'b');
    expect(recordsOf(after).filter(({ kind }) => kind === 'runner')).toEqual([]);
  });

  it('is nothing of backends that are not configured, or that have moved', () => {
    const after = scene({ a: 'http://elsewhere:1', c: 'http://c:1' });
    after.state.restore(recordsOf(experienced()), 0);
    for (const id of ['a', 'c']) look(after, id);
    expect(after.learned.of(`a/${M}`).successes).toBe(0);
    expect(after.recorder.modelMetrics()).toEqual({});
    expect(recordsOf(after).filter(({ kind }) => kind === 'runner')).toEqual([]);
    expect(after.log.lines).toEqual([]);
  });

  it('is what a snapshot of the library has of backends, by their names alone', () => {
    const after = scene();
    const before = experienced();
    const learned = before.learned.save(`a/${M}`, before.clock.now());
    const breaker = { state: 'open', elapsedMs: 0 };
    after.state.restore([{ kind: 'runner', backend: 'a', model: M, breaker, learned }], 0);
    look(after, 'a');
    expect(after.registry.eligible(M).runners).toEqual([]);
    expect(after.learned.of(`a/${M}`).successes).toBeCloseTo(5, 1);
  });

  it('is a strategy that was chosen by hand, until the configuration asks for another', () => {
    const before = scene();
    before.strategy = 'random';
    const [same, other] = [scene(), scene()];
    other.configured = other.strategy = 'round-robin';
    for (const after of [same, other]) after.state.restore(recordsOf(before), 0);
    expect([same.strategy, other.strategy]).toEqual(['random', 'round-robin']);
    expect(recordsOf(scene()).some(({ kind }) => kind === 'strategy')).toBe(false);
  });
});

describe('records that cannot be read', () => {
  it('are left out, each by itself, and said once', () => {
    const records = recordsOf(experienced()).map((record) => {
      if (record['kind'] === 'pool') return { ...record, facts: { length: 1 } };
      if (record['kind'] === 'key') return { ...record, key: 'x' };
      if (record['kind'] === 'runner' && record['backend'] === 'b') return { ...record, breaker: { state: 'ajar' } };
      return record;
    });
    const after = scene();
    after.state.restore([...records, { kind: 'runner', backend: 'a', model: 3 }, { kind: 'later' }], 0);
    look(after, 'a', 'b');
    expect(after.learned.of(`a/${M}`).successes).toBeCloseTo(5, 1);
    expect(after.registry.eligible(M).runners.map(({ backendId }) => backendId)).toEqual(['a', 'b']);
    expect(after.key).toEqual([1, 2]);
    expect(after.log.lines).toMatchObject([
      { level: 'warn', fields: { event: 'state-partly-read', unreadable: 5, first: 'key: it must be a list' } },
    ]);
  });
});

describe('what is saved', () => {
  it('says of each piece how long ago it was used, so that the oldest can be left out', () => {
    const before = experienced();
    before.clock.advance(7_000);
    const ages = Array.from(before.state.capture(), ({ ageMs, record }) => [record.kind, ageMs]);
    expect(ages).toEqual([
      ['key', 0],
      ['pool', 0],
      ['backend', 0],
      ['runner', 8_300],
      ['backend', 0],
      ['runner', 7_000],
      ['ratio', 8_300],
      ['length', 8_300],
      ['length', 8_300],
    ]);
  });
});
