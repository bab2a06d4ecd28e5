import { describe, expect, it } from 'vitest';
import { DEFAULT_SHAPE, type RunnerShape } from '../../../src/core/demand.ts';
import { LearnedResidency, type SeenModel } from '../../../src/facts/residency.ts';

const GB = 1e9;
const MINUTE = 60_000;

const seenModel = (model: string, changes: Partial<SeenModel> = {}): SeenModel => ({
  model,
  digest: `digest of ${model}`,
  sizeBytes: 5 * GB,
  vramBytes: 5 * GB,
  contextLength: 4_096,
  expiresInMs: 5 * MINUTE,
  ...changes,
});

const ctx = (numCtx: number): RunnerShape => ({ numCtx, rest: '' });

/** One host with five models of 4 GB on disk, its requests, and a clock that steps by a second. */
const newHost = (capacity: number | 'auto' = 'auto') => {
  const residency = new LearnedResidency(capacity);
  residency.configureModels(
    new Map(['a', 'b', 'c', 'd', 'e'].map((name) => [name, { digest: `digest of ${name}`, sizeBytes: 4 * GB }])),
  );
  const running = new Map<string, number>();
  const busy = (model: string) => (running.get(model) ?? 0) > 0;
  let at = 0;
  const host = {
    residency,
    busy,
    get at() {
      return at;
    },
    pass(ms: number) {
      at += ms;
    },
    look(...list: readonly SeenModel[]) {
      at += 1_000;
      return residency.seen(list, at - 1, at, busy);
    },
    send(model: string, shape = DEFAULT_SHAPE) {
      at += 1_000;
      const loads = residency.dispatched(model, shape, undefined, busy, at);
      running.set(model, (running.get(model) ?? 0) + 1);
      return loads;
    },
    first(model: string) {
      at += 1_000;
      residency.loaded(model, at);
    },
    end(model: string, keepAliveMs?: number) {
      at += 1_000;
      running.set(model, (running.get(model) ?? 0) - 1);
      residency.ended(model, keepAliveMs, at);
    },
    /** A whole request. */
    serve(model: string, shape = DEFAULT_SHAPE, keepAliveMs?: number) {
      host.send(model, shape);
      host.first(model);
      host.end(model, keepAliveMs);
    },
    ready: (model: string, shape = DEFAULT_SHAPE) => residency.ready(model, shape, at),
    victims: (model: string, shape = DEFAULT_SHAPE) =>
      residency.victims(model, shape, busy, at).map(({ model: name }) => name),
    names: () => residency.list(at).map(({ model }) => model),
  };
  return host;
};

describe('residency between two looks', () => {
  it('knows what the last look showed, until its time is over', () => {
    const host = newHost();
    expect(host.ready('a')).toBe(false);
    host.look(seenModel('a', { expiresInMs: 10_000 }));
    expect(host.ready('a')).toBe(true);
    expect(host.ready('b')).toBe(false);
    host.pass(10_000);
    expect(host.ready('a')).toBe(false);
    expect(host.names()).toEqual([]);
  });

  it('takes a model past its time that is still listed for one that somebody uses', () => {
    const host = newHost();
    host.look(seenModel('a', { expiresInMs: -30_000 }));
    expect(host.ready('a')).toBe(true);
  });

  it('keeps one whose request runs, however long that takes', () => {
    const host = newHost();
    host.look(seenModel('a', { expiresInMs: 10_000 }));
    expect(host.send('a')).toBe(false);
    host.pass(10 * MINUTE);
    expect(host.ready('a')).toBe(true);
    host.end('a');
    host.pass(4 * MINUTE);
    expect(host.ready('a')).toBe(true);
    host.pass(2 * MINUTE);
    expect(host.ready('a')).toBe(false);
  });

  it('lets the end of a request move the expiry to what the request said', () => {
    const host = newHost();
    host.serve('a', DEFAULT_SHAPE, Number.POSITIVE_INFINITY);
    host.pass(1_000 * MINUTE);
    expect(host.ready('a')).toBe(true);
    host.serve('a', DEFAULT_SHAPE, 0);
    expect(host.ready('a')).toBe(false);
  });

  it('does not let an older look take that back', () => {
    const { residency } = newHost();
    residency.seen([seenModel('a')], 0, 10, () => false);
    residency.dispatched('a', DEFAULT_SHAPE, undefined, () => false, 100);
    residency.ended('a', 0, 200);
    residency.seen([seenModel('a')], 150, 210, () => false);
    expect(residency.ready('a', DEFAULT_SHAPE, 220)).toBe(false);
  });

  it('takes a model that a request of ours loads for ready at once, though no look shows it', () => {
    const host = newHost();
    host.look();
    expect(host.send('a')).toBe(true);
    expect(host.ready('a')).toBe(true);
    expect(host.look()).toEqual({ gone: [], appeared: [] });
    expect(host.residency.list(host.at)).toMatchObject([{ model: 'a', loading: true }]);
    expect(host.send('a')).toBe(false);
    expect(host.look(seenModel('a'))).toEqual({ gone: [], appeared: [] });
    expect(host.residency.list(host.at)).toMatchObject([{ model: 'a', loading: false, contextLength: 4_096 }]);
  });

  it('gives a load up when nobody waits for it any more', () => {
    const host = newHost();
    host.look();
    host.send('a');
    host.send('a');
    host.end('a');
    expect(host.ready('a')).toBe(true);
    host.end('a');
    expect(host.ready('a')).toBe(false);
    expect(host.look(seenModel('a'))).toEqual({ gone: [], appeared: [] });
    expect(host.ready('a')).toBe(true);
  });

  it('keeps one that is on its way in though another one will push it out', () => {
    const host = newHost(8 * GB);
    host.look();
    host.send('a');
    host.send('b');
    expect(host.ready('a')).toBe(false);
    expect(host.look()).toEqual({ gone: [], appeared: [] });
    host.first('a');
    expect(host.look(seenModel('a'))).toEqual({ gone: [], appeared: [] });
    host.end('a');
    expect(host.look()).toEqual({ gone: ['a'], appeared: [] });
  });

  it('believes a look that was asked for before the request no further than it can know', () => {
    const { residency } = newHost();
    residency.seen([], 0, 10, () => false);
    residency.dispatched('a', DEFAULT_SHAPE, undefined, () => false, 100);
    residency.loaded('a', 150);
    residency.ended('a', undefined, 190);
    expect(residency.seen([], 120, 200, () => false).gone).toEqual([]);
    expect(residency.ready('a', DEFAULT_SHAPE, 200)).toBe(true);
    expect(residency.seen([], 201, 210, () => false).gone).toEqual(['a']);
    expect(residency.ready('a', DEFAULT_SHAPE, 210)).toBe(false);
  });

  it('knows nothing of a server that was lost, and finds no news in the next look', () => {
    const host = newHost();
    host.look(seenModel('a'));
    host.residency.lost();
    expect(host.ready('a')).toBe(false);
    expect(host.look(seenModel('b'))).toEqual({ gone: [], appeared: [] });
  });
});

describe('what a look changes', () => {
  it('names those that are gone and those that others loaded', () => {
    const host = newHost();
    expect(host.look(seenModel('a'), seenModel('b'))).toEqual({ gone: [], appeared: [] });
    expect(host.look(seenModel('b'), seenModel('c'))).toEqual({ gone: ['a'], appeared: ['c'] });
    expect(host.look(seenModel('b'), seenModel('c'))).toEqual({ gone: [], appeared: [] });
  });

  it('names one that others loaded with another context', () => {
    const host = newHost();
    host.look(seenModel('a'));
    expect(host.look(seenModel('a', { contextLength: 8_192 }))).toEqual({ gone: ['a'], appeared: ['a'] });
    expect(host.residency.contextOf('a', host.at)).toBe(8_192);
  });

  it('finds that one went before our request came, which therefore loads it again', () => {
    const host = newHost();
    host.look(seenModel('a'));
    host.send('a');
    expect(host.look()).toEqual({ gone: ['a'], appeared: [] });
    expect(host.ready('a')).toBe(true);
    expect(host.residency.list(host.at)).toMatchObject([{ loading: true }]);
    expect(host.look()).toEqual({ gone: [], appeared: [] });
    expect(host.look(seenModel('a', { contextLength: 2_048 }))).toEqual({ gone: [], appeared: [] });
  });

  it('forgets requests that the caller no longer has', () => {
    const { residency } = newHost();
    residency.seen([seenModel('a')], 0, 1, () => false);
    residency.dispatched('a', DEFAULT_SHAPE, undefined, () => false, 2);
    expect(residency.seen([], 10, 11, () => false).gone).toEqual(['a']);
  });

  it('takes in no more models than a server could hold', () => {
    const host = newHost();
    host.look(...Array.from({ length: 1_000 }, (_, i) => seenModel(`m${i}`)));
    expect(host.names()).toHaveLength(256);
    for (let i = 0; i < 300; i++) host.send(`n${i}`);
    expect(host.names()).toHaveLength(256);
  });
});

describe('the shape of a runner', () => {
  it('matches an equal context only', () => {
    const host = newHost();
    host.look(seenModel('a'));
    expect(host.ready('a', ctx(4_096))).toBe(true);
    expect(host.ready('a', ctx(8_192))).toBe(false);
    expect(host.ready('a', { numCtx: undefined, rest: 'num_gpu=1' })).toBe(false);
  });

  it('matches the other options that it was started with by us', () => {
    const host = newHost();
    const shape = { numCtx: 2_048, rest: 'num_gpu=1' };
    host.send('a', shape);
    expect(host.ready('a', shape)).toBe(true);
    expect(host.ready('a', ctx(2_048))).toBe(false);
  });

  it('matches the number that was asked for, where the server made another one of it', () => {
    const host = newHost();
    host.serve('a', ctx(99_999_999));
    host.look(seenModel('a', { contextLength: 32_768 }));
    expect(host.ready('a', ctx(99_999_999))).toBe(true);
    expect(host.ready('a', ctx(32_768))).toBe(true);
    expect(host.ready('a', ctx(4_096))).toBe(false);
  });

  it('learns the default from a load that left it open', () => {
    const host = newHost();
    host.look();
    host.send('a');
    expect(host.residency.contextOf('a', host.at)).toBeUndefined();
    host.look(seenModel('a', { contextLength: 8_192 }));
    expect(host.residency.defaultContext('a')).toBe(8_192);
    host.end('a', 0);
    host.serve('a', ctx(4_096));
    expect(host.ready('a')).toBe(false);
    host.serve('a', ctx(8_192));
    expect(host.ready('a')).toBe(true);
  });

  it('hopes that a runner of others has the default, and learns from the answer that it has', () => {
    const host = newHost();
    host.look(seenModel('a'));
    expect(host.send('a')).toBe(false);
    host.look(seenModel('a'));
    expect(host.residency.defaultContext('a')).toBeUndefined();
    host.first('a');
    host.look(seenModel('a'));
    expect(host.residency.defaultContext('a')).toBe(4_096);
  });

  it('hopes so, and learns from the reload that it had not', () => {
    const host = newHost();
    host.look(seenModel('a', { contextLength: 16_384 }));
    expect(host.send('a')).toBe(false);
    expect(host.look(seenModel('a'))).toEqual({ gone: ['a'], appeared: [] });
    expect(host.residency.defaultContext('a')).toBe(4_096);
    host.end('a', 0);
    host.serve('a', ctx(16_384));
    expect(host.ready('a')).toBe(false);
  });

  it('does not take a context that we asked for, and then hoped to be the default, for the default', () => {
    const host = newHost();
    host.serve('a', ctx(8_192));
    expect(host.send('a')).toBe(false);
    host.look(seenModel('a', { contextLength: 8_192 }));
    expect(host.residency.defaultContext('a')).toBeUndefined();
    expect(host.look(seenModel('a'))).toEqual({ gone: ['a'], appeared: [] });
    expect(host.residency.defaultContext('a')).toBe(4_096);
  });

  it('learns nothing from a reload that was given up', () => {
    const host = newHost();
    host.serve('a');
    host.look(seenModel('a'));
    host.look(seenModel('a', { contextLength: 16_384 }));
    expect(host.send('a')).toBe(true);
    host.end('a');
    expect(host.look(seenModel('a', { contextLength: 16_384 }))).toEqual({ gone: [], appeared: [] });
    expect(host.residency.defaultContext('a')).toBe(4_096);
    expect(host.ready('a')).toBe(false);
  });

  it('does not know the contexts of a server too old to tell, and takes what was sent last for it', () => {
    const host = newHost();
    host.look(seenModel('a', { contextLength: undefined }));
    expect(host.send('a', ctx(4_096))).toBe(false);
    expect(host.ready('a', ctx(4_096))).toBe(true);
    expect(host.ready('a', ctx(8_192))).toBe(false);
    host.end('a');
    expect(host.look(seenModel('a', { contextLength: undefined }))).toEqual({ gone: [], appeared: [] });
    expect(host.ready('a', ctx(4_096))).toBe(true);
  });

  it('is the wanted one during a reload, though the look still shows the old one', () => {
    const host = newHost();
    host.look(seenModel('a'));
    expect(host.victims('a', ctx(8_192))).toEqual(['a']);
    expect(host.residency.evictionChance).toBe(1);
    expect(host.send('a', ctx(8_192))).toBe(true);
    expect(host.look(seenModel('a'))).toEqual({ gone: [], appeared: [] });
    expect(host.ready('a', ctx(8_192))).toBe(true);
    expect(host.ready('a', ctx(4_096))).toBe(false);
    host.first('a');
    expect(host.look(seenModel('a', { contextLength: 8_192 }))).toEqual({ gone: [], appeared: [] });
    expect(host.ready('a', ctx(8_192))).toBe(true);
  });

  it('is that of the last request while two shapes are under way, until that one is answered', () => {
    const host = newHost();
    host.look();
    host.send('a', ctx(4_096));
    host.send('a', ctx(8_192));
    host.residency.loaded('a', host.at, ctx(4_096));
    expect(host.look(seenModel('a'))).toEqual({ gone: [], appeared: [] });
    expect(host.ready('a', ctx(8_192))).toBe(true);
    host.residency.loaded('a', host.at, ctx(8_192));
    expect(host.look(seenModel('a', { contextLength: 8_192 }))).toEqual({ gone: [], appeared: [] });
  });

  it('is shared by two names of the same weights', () => {
    const host = newHost();
    host.residency.configureModels(
      new Map([
        ['a', { digest: 'same', sizeBytes: 4 * GB }],
        ['b', { digest: 'same', sizeBytes: 4 * GB }],
      ]),
    );
    host.look(seenModel('a', { digest: 'same' }));
    expect(host.ready('b', ctx(4_096))).toBe(true);
    expect(host.ready('b', ctx(2_048))).toBe(false);
    expect(host.residency.contextOf('b', host.at)).toBe(4_096);
    expect(host.send('b')).toBe(false);
    expect(host.look(seenModel('a', { digest: 'same', expiresInMs: -1 }))).toEqual({ gone: [], appeared: [] });
    host.end('b');
    expect(host.look()).toEqual({ gone: ['a', 'b'], appeared: [] });
  });
});

describe('the victims of a load', () => {
  it('are nobody where the model is ready or fits', () => {
    const host = newHost(20 * GB);
    host.look(seenModel('a'));
    expect(host.victims('a')).toEqual([]);
    expect(host.victims('b')).toEqual([]);
    expect(host.residency.evictionChance).toBe(0);
    expect(host.residency.victims('b', DEFAULT_SHAPE, host.busy, host.at)).toBe(
      host.residency.victims('c', DEFAULT_SHAPE, host.busy, host.at),
    );
  });

  it('are idle ones before busy ones, then those with the shortest keep-alive, then by name', () => {
    const host = newHost(21 * GB);
    for (const model of ['d', 'b', 'c']) host.serve(model);
    host.serve('a', DEFAULT_SHAPE, 10 * MINUTE);
    host.look(...['a', 'b', 'c', 'd'].map((model) => seenModel(model, model === 'a' ? { expiresInMs: 6e5 } : {})));
    expect(host.victims('e')).toEqual(['b']);
    host.send('b');
    expect(host.victims('e')).toEqual(['c']);
    host.serve('c', DEFAULT_SHAPE, 20 * MINUTE);
    host.serve('d', DEFAULT_SHAPE, 1 * MINUTE);
    expect(host.victims('e')).toEqual(['d']);
  });

  it('are as many as it takes', () => {
    const host = newHost(16 * GB);
    host.look(seenModel('a'), seenModel('b'), seenModel('c'));
    expect(host.victims('d', ctx(4_096))).toEqual(['a']);
    // 4 GB of weights, and 65,536 tokens of context at 100,000 bytes.
    expect(host.victims('d', ctx(65_536))).toEqual(['a', 'b']);
  });

  it('are taken for gone once the load is sure, and come back where a look shows that they stayed', () => {
    const host = newHost(12 * GB);
    host.look(seenModel('a'), seenModel('b'));
    host.send('c');
    expect(host.names()).toEqual(['b', 'c']);
    expect(host.ready('a')).toBe(false);
    // Listed still: the load is not through, so it may yet have to go.
    expect(host.look(seenModel('a'), seenModel('b'))).toEqual({ gone: [], appeared: [] });
    expect(host.ready('a')).toBe(false);
    host.first('c');
    const left = seenModel('a', { expiresInMs: 5 * MINUTE - 4_000 });
    expect(host.look(left, seenModel('b'), seenModel('c'))).toEqual({ gone: [], appeared: [] });
    expect(host.ready('a')).toBe(true);
  });

  it('are reported as gone when the look confirms it', () => {
    const host = newHost(12 * GB);
    host.look(seenModel('a'), seenModel('b'));
    host.send('c');
    expect(host.look(seenModel('b'))).toEqual({ gone: ['a'], appeared: [] });
    expect(host.look(seenModel('b'), seenModel('c'))).toEqual({ gone: [], appeared: [] });
  });

  it('are none while nothing was ever seen to be pushed out', () => {
    const host = newHost();
    host.look(seenModel('a'));
    expect(host.victims('b')).toEqual([]);
    expect(host.residency.evictionChance).toBe(0);
    host.send('b');
    expect(host.ready('a')).toBe(true);
  });

  it('teach what fits when they stay', () => {
    const host = newHost();
    host.look(seenModel('a'));
    host.serve('b');
    host.look(seenModel('a'), seenModel('b'));
    expect(host.residency.capacity()).toMatchObject({ provenBytes: 10 * GB, provenCount: 2 });
    host.end('b');
    host.look(seenModel('a'));
    expect(host.victims('b')).toEqual([]);
  });

  it('teach what does not fit when they go', () => {
    const host = newHost();
    host.look(seenModel('a'), seenModel('b'));
    host.send('c');
    expect(host.look(seenModel('b'))).toEqual({ gone: ['a'], appeared: [] });
    host.first('c');
    host.look(seenModel('b'), seenModel('c'));
    const { exceededBytes } = host.residency.capacity();
    // 4 GB on disk were taken for 4.6 GB in memory, and two of 5 GB were there.
    expect(exceededBytes).toBeCloseTo(14.6 * GB, -8);
    expect(host.victims('a')).toEqual(['b']);
    expect(host.residency.evictionChance).toBe(1);
  });

  it('teach nothing when their time was over, or when nothing was loaded', () => {
    const host = newHost();
    host.look(seenModel('a', { expiresInMs: 1_000 }), seenModel('b'));
    host.send('c');
    host.look(seenModel('b'));
    host.first('c');
    host.end('c');
    host.look(seenModel('b'), seenModel('c'));
    host.look(seenModel('c'));
    expect(host.residency.capacity()).toMatchObject({ exceededBytes: undefined, exceededCount: undefined });
  });

  it('include others than the model itself only where it is likely that they must go for its reload', () => {
    const host = newHost(12 * GB);
    host.look(seenModel('a'), seenModel('b'));
    expect(host.victims('a', ctx(8_192))).toEqual(['a']);
    expect(host.victims('a', ctx(65_536))).toEqual(['a', 'b']);
    const guessing = newHost();
    guessing.look(seenModel('a'), seenModel('b'));
    expect(guessing.victims('a', ctx(8_192))).toEqual(['a']);
  });

  it('count with what they hold of the GPU where they spill out of it', () => {
    const host = newHost(18 * GB);
    host.look(seenModel('a', { sizeBytes: 30 * GB, vramBytes: 12 * GB }));
    expect(host.victims('b')).toEqual([]);
    host.look(seenModel('a', { sizeBytes: 12 * GB, vramBytes: 0 }), seenModel('c', { sizeBytes: 3 * GB }));
    expect(host.victims('b')).toEqual(['a']);
  });
});
