import { describe, expect, it } from 'vitest';
import { NO_DEMAND, type Demand } from '../../../src/core/demand.ts';
import type { Outcome } from '../../../src/core/types.ts';
import { isDeath } from '../../../src/facts/death.ts';
import { Facts } from '../../../src/facts/facts.ts';
import type { SeenModel } from '../../../src/facts/residency.ts';
import { PoolSpeeds } from '../../../src/facts/speeds.ts';
import { LEAST_STUCK_MS, stuckAfterMs, stuckLoad } from '../../../src/facts/stuck.ts';
import { NOTHING_EXPECTED } from '../../../src/facts/work.ts';

const SIZE = 5e9;
const COLD = { ...NOTHING_EXPECTED, loadMs: 5_000 };

const seen = (model: string, changes: Partial<SeenModel> = {}): SeenModel => ({
  model,
  digest: `digest of ${model}`,
  sizeBytes: SIZE,
  vramBytes: SIZE,
  contextLength: 4_096,
  expiresInMs: 300_000,
  ...changes,
});

const newHost = () => {
  const facts = new Facts();
  const models = ['m', 'n', 'o'];
  facts.installed('a', new Map(models.map((name) => [name, { digest: `digest of ${name}`, sizeBytes: SIZE }])));
  for (const model of models) facts.runner('a', model, SIZE);
  const send = (model: string, at: number, demand: Partial<Demand> = {}, streams = true) => {
    const runner = facts.runner('a', model, SIZE);
    const cold = !facts.host('a').residency.ready(model, NO_DEMAND.shape, at);
    const wanted = { ...NO_DEMAND, ...demand };
    const work = facts.sent(runner, wanted, wanted.shape, streams, cold ? COLD : NOTHING_EXPECTED, at);
    const end = (endedAt: number, outcome: Partial<Outcome> = {}): void => {
      const totalMs = endedAt - at;
      const served = { kind: 'served', status: 200, firstByteMs: totalMs, totalMs, usage: undefined } as const;
      facts.ended(runner, work, { ...served, ...outcome } as Outcome, endedAt);
    };
    return { began: (firstAt: number) => facts.began(runner, work, firstAt), end, work };
  };
  const host = facts.host('a');
  return { facts, host, send, look: (at: number, ...list: SeenModel[]) => facts.seen('a', list, at, at) };
};

const DIED: Outcome = {
  kind: 'backend-failed',
  phase: 'head',
  blame: 'model',
  reason: 'status-5xx',
  message: 'answered 500: llama runner process no longer running: -1 ',
  totalMs: 80,
};

describe('a load that does not come', () => {
  it('shows a server that loads nothing once it takes far longer than the longest that was seen', () => {
    const { host, send, look } = newHost();
    look(0);
    const first = send('m', 0);
    first.began(9_000);
    first.end(10_000, { usage: { loadMs: 9_000 } } as Partial<Outcome>);
    send('n', 20_000);
    const limit = stuckAfterMs(9_000);
    expect(limit).toBe(37_000);
    expect(stuckLoad(host, 20_000 + limit - 1)).toBeUndefined();
    const stuck = stuckLoad(host, 20_000 + limit);
    expect(stuck).toMatchObject({ model: 'n', waitedMs: limit });
    expect(stuck?.longestMs).toBeCloseTo(9_000);
  });

  it('is given the time after which Ollama itself gives up where no load was ever seen, and never less than 20 s', () => {
    const { host, send, look } = newHost();
    look(0);
    send('m', 0);
    expect([stuckLoad(host, 299_999), stuckLoad(host, 300_000)?.longestMs]).toEqual([undefined, undefined]);
    expect(stuckLoad(host, 300_000)).toBeDefined();
    expect(stuckAfterMs(100)).toBe(LEAST_STUCK_MS);
  });

  it('is excused as long as somebody who was there before it is at work, and not by those who came later', () => {
    const { host, send, look } = newHost();
    look(0, seen('m'));
    const earlier = send('m', 1_000);
    earlier.began(1_100);
    send('n', 2_000);
    for (let at = 3_000; at <= 400_000; at += 1_000) expect(stuckLoad(host, at)).toBeUndefined();
    earlier.end(400_000);
    send('m', 400_001);
    expect(stuckLoad(host, 650_000)).toBeUndefined();
    expect(stuckLoad(host, 700_000)?.model).toBe('n');
  });

  it('is no sign while others are loaded, or once a look shows the model although no byte of answer has come', () => {
    const { host, send, look } = newHost();
    look(0);
    send('m', 0, {}, false);
    look(290_000, seen('o'));
    expect(stuckLoad(host, 310_000)).toBeUndefined();
    expect(stuckLoad(host, 590_000)?.model).toBe('m');
    look(590_000, seen('m'));
    expect(stuckLoad(host, 2_000_000)).toBeUndefined();
  });
});

describe('a runner that died', () => {
  it('is known by what servers say', () => {
    const said = (message: string, reason: 'status-5xx' | 'error-line' | 'cut-stream' = 'status-5xx'): boolean =>
      isDeath({ ...DIED, message, reason });
    expect(said('answered 500: an error was encountered while running the model: unexpected EOF')).toBe(true);
    expect(said('answered: model runner has unexpectedly stopped, this may be due to', 'error-line')).toBe(true);
    expect(said('answered 500: llama runner process has terminated: exit status 2')).toBe(true);
    expect(said('answered 500: CUDA out of memory')).toBe(false);
    expect(said('died in mid-answer: unexpected EOF', 'cut-stream')).toBe(false);
  });

  it('is no longer taken for loaded, whatever the server lists, until it was loaded anew', () => {
    const { facts, host, send, look } = newHost();
    look(0, seen('m'));
    const ready = (at: number): boolean => host.residency.ready('m', NO_DEMAND.shape, at);
    expect(ready(100)).toBe(true);
    send('m', 200).end(300, DIED);
    expect(ready(300)).toBe(false);
    look(5_000, seen('m', { expiresInMs: 295_000 }));
    expect(ready(5_000)).toBe(false);
    const next = send('m', 6_000);
    expect(next.work.cold).toBe(true);
    next.began(9_000);
    next.end(10_000);
    expect([ready(10_000), facts.copies('m', 20_000)]).toEqual([true, 1]);
  });

  it('is taken for loaded again when somebody else was answered by it', () => {
    const { host, send, look } = newHost();
    look(0, seen('m'));
    send('m', 200).end(300, DIED);
    look(5_000, seen('m', { expiresInMs: 295_000 }));
    look(10_000, seen('m', { expiresInMs: 299_000 }));
    expect(host.residency.ready('m', NO_DEMAND.shape, 10_000)).toBe(true);
  });
});

describe('a model that others use', () => {
  const ghostAfter = (act: (world: ReturnType<typeof newHost>) => void): number => {
    const world = newHost();
    world.look(0, seen('m'));
    act(world);
    return world.host.foreign.ghost(20_000);
  };

  it('shows by an expiry that moves on without a request of ours', () => {
    const ghost = ghostAfter(({ look }) => {
      look(10_000, seen('m', { expiresInMs: 290_000 }));
      look(20_000, seen('m', { expiresInMs: 299_000 }));
    });
    expect(ghost).toBe(0.5);
  });

  it('shows by staying beyond its time', () => {
    const ghost = ghostAfter(({ look }) => {
      look(10_000, seen('m', { expiresInMs: 1_000 }));
      look(20_000, seen('m', { expiresInMs: -9_000 }));
    });
    expect(ghost).toBe(0.5);
  });

  it('is none where the expiry stands, is off by a rounding, or moved by a request or a keep_alive of ours', () => {
    const quiet = [
      ghostAfter(({ look }) => look(20_000, seen('m', { expiresInMs: 282_500 }))),
      ghostAfter(({ look, send }) => {
        const sent = send('m', 5_000);
        sent.began(5_100);
        sent.end(10_000);
        look(20_000, seen('m', { expiresInMs: 290_000 }));
      }),
      ghostAfter(({ look, send }) => {
        send('m', 5_000);
        look(20_000, seen('m', { expiresInMs: -9_000 }));
      }),
      ghostAfter(({ look, facts }) => {
        facts.kept(facts.runner('a', 'm', SIZE), 600_000, 10_000);
        look(20_000, seen('m', { expiresInMs: 590_000 }));
      }),
    ];
    expect(quiet).toEqual([0, 0, 0, 0]);
  });
});

describe('the keep_alive of a client', () => {
  const keptFor = (keepAliveMs: number | undefined, act?: (work: { keepAliveMs: number | undefined }) => void) => {
    const { host, send, look } = newHost();
    look(0, seen('m'));
    const sent = send('m', 1_000, { keepAliveMs });
    act?.(sent.work);
    sent.began(1_100);
    sent.end(2_000);
    return host.residency.list(2_000).map(({ expiresInMs }) => expiresInMs);
  };

  it('says how long the model stays', () => {
    expect(keptFor(undefined)).toEqual([300_000]);
    expect(keptFor(1_800_000)).toEqual([1_800_000]);
    expect(keptFor(Number.POSITIVE_INFINITY)).toEqual([Number.POSITIVE_INFINITY]);
    expect(keptFor(0)).toEqual([]);
  });

  it('counts for nothing where it was held back, or where the request came to nothing', () => {
    expect(keptFor(0, (work) => (work.keepAliveMs = undefined))).toEqual([300_000]);
    const { host, send, look } = newHost();
    look(0, seen('m'));
    send('m', 1_000, { keepAliveMs: 0 }).end(2_000, { ...DIED, message: 'answered 500: no', reason: 'status-5xx' });
    expect(host.residency.list(2_000).map(({ expiresInMs }) => expiresInMs)).toEqual([300_000]);
  });
});

describe('a host that turns slow', () => {
  const measured = () => {
    const host = new PoolSpeeds().host();
    const runners = [host.runner(SIZE), host.runner(SIZE), host.runner(SIZE)] as const;
    for (const runner of runners) {
      for (let i = 0; i < 30; i++) {
        runner.prefilled(1_000, 500, 1, 0);
        runner.decoded(100, 2_000, 1, 0);
      }
    }
    return { host, runners };
  };

  it('is noticed by three answers in a row of whichever models, and by none that a normal one parts', () => {
    const { host, runners } = measured();
    const [a, b] = runners;
    a.decoded(100, 20_000, 1, 0);
    b.decoded(100, 20_000, 1, 0);
    a.decoded(100, 2_000, 1, 0);
    b.decoded(100, 20_000, 1, 0);
    a.decoded(100, 20_000, 1, 0);
    expect(host.loss(0)).toBe(1);
    a.decoded(100, 20_000, 1, 0);
    expect(host.loss(0)).toBeCloseTo(10);
  });

  it('takes those along that were not measured, and back when it recovers', () => {
    const { host, runners } = measured();
    const [a, b, c] = runners;
    const stranger = host.runner(SIZE);
    const before = c.decodeMs(0);
    for (const runner of [a, b, a]) runner.decoded(100, 20_000, 1, 0);
    for (const runner of runners) runner.follow(true, host.loss(0), 0);
    expect(c.decodeMs(0)).toBeGreaterThan(6 * before);
    expect(c.prefillMs(0)).toBeGreaterThan(3);
    expect(stranger.decodeMs(0)).toBeGreaterThan(6 * before);
    expect(c.suspicion(0)).toBe('gpu-lost');
    for (const runner of [a, b, a]) runner.decoded(100, 2_000, 1, 0);
    expect(host.loss(0)).toBe(1);
    for (const runner of runners) runner.follow(false, 1, 0);
    for (const runner of [...runners, stranger]) expect(runner.decodeMs(0)).toBeLessThan(1.3 * before);
  });

  it('is forgotten after half an hour without an answer', () => {
    const { host, runners } = measured();
    for (const runner of runners) runner.decoded(100, 20_000, 1, 0);
    expect([host.loss(1_799_999) > 1, host.loss(1_800_000)]).toEqual([true, 1]);
  });

  it('does not turn for a model that spills', () => {
    const { host, runners } = measured();
    const [a] = runners;
    a.vramShare(0.5, 0);
    for (let i = 0; i < 5; i++) a.decoded(100, 20_000, 1, 0);
    expect(host.loss(0)).toBe(1);
  });

  it('is expected to be slow with a model that it has loaded into main memory, before that was measured', () => {
    const { runners } = measured();
    const [a] = runners;
    a.vramShare(1, 0);
    const before = a.decodeMs(0);
    a.vramShare(0, 0);
    expect(a.decodeMs(0)).toBeGreaterThan(5 * before);
    a.vramShare(1, 0);
    expect(a.decodeMs(0)).toBeLessThan(1.3 * before);
  });
});
