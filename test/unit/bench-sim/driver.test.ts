import { describe, expect, it } from 'vitest';
import { simulate, type SimOptions, type SimResult } from '../../../bench/sim/driver.ts';
import { POLICIES } from '../../../bench/sim/policies.ts';
import { buildFleet } from '../../../bench/sim/fleets.ts';
import { faultPlan, FAULTS, NO_FAULTS, type ServerFault } from '../../../bench/sim/faults.ts';
import { presetSpec } from '../../../bench/sim/presets.ts';
import { tpotMs, ttftMs } from '../../../bench/sim/record.ts';
import { makeWorkload } from '../../../bench/sim/workloads.ts';
import { fleetOf, model, plan, Recorder, serverOf, sessionOf, workloadOf } from './helpers.ts';

const run = (policy: Recorder, options: Partial<SimOptions> = {}): SimResult =>
  simulate({
    workload: workloadOf([sessionOf('a', 0)]),
    fleet: fleetOf(serverOf('s1'), serverOf('s2')),
    policy: () => policy,
    seed: 1,
    ...options,
  });

const faulty = (fault: ServerFault, from: number, until = Number.POSITIVE_INFINITY) => ({
  faults: { servers: [{ server: 's1', from, until, fault }], restarts: [] },
});

const untilToken = (policy: Recorder, what: string): number | undefined =>
  policy.heard.find((each) => each.what.startsWith(what))?.at;

describe('one request', () => {
  it('is told in order and measured from its arrival', () => {
    const policy = new Recorder();
    const { records } = run(policy);
    // A load of 6 s, 100 tokens read, 10 written.
    expect(policy.heard.map(({ what, at }) => [what, at])).toEqual([
      ['arrive a.0', 0],
      ['first a.0 s1', 6110],
      ['served a.0 s1', 6200],
    ]);
    const [record] = records;
    if (record === undefined) throw new Error('nothing was recorded');
    expect(ttftMs(record)).toBe(6110);
    expect(tpotMs(record)).toBeCloseTo(10);
    expect(record).toMatchObject({ end: 'served', server: 's1', attempts: 1, loadMs: 6000, outputTokens: 10 });
  });

  it('ends with the usage that a server reports: cached tokens counted, and paid for nowhere', () => {
    const policy = new Recorder();
    run(policy, { workload: workloadOf([sessionOf('a', 0, { turns: [plan(), plan()] })]) });
    const last = policy.heard.at(-1)?.result;
    expect(last).toMatchObject({
      kind: 'served',
      usage: { promptTokens: 210, outputTokens: 10, cachedTokens: undefined, loadMs: 0, prefillMs: 100, decodeMs: 100 },
    });
  });

  it('counts the wait at the policy', () => {
    const policy = new Recorder((job, world) => void world.at(world.now() + 700, () => world.send(job, 's2')));
    const [record] = run(policy).records;
    expect(record).toMatchObject({ sentAt: 700, server: 's2' });
  });

  it('is refused with the reason of the policy', () => {
    const policy = new Recorder((job, world) => world.refuse(job, 'no room'));
    expect(run(policy).records[0]).toMatchObject({ end: 'refused', why: 'no room', attempts: 0 });
  });

  it('may be taken back and sent elsewhere before its first token', () => {
    const policy = new Recorder((job, world) => {
      world.send(job, 's1');
      world.at(10, () => {
        world.abandon(job);
        world.send(job, 's2');
      });
    });
    const { records } = run(policy);
    expect(records[0]).toMatchObject({ end: 'served', server: 's2', attempts: 2 });
    expect(policy.heard.map(({ what }) => what)).toEqual(['arrive a.0', 'first a.0 s2', 'served a.0 s2']);
  });

  it('cannot be sent twice, nor to nowhere', () => {
    const twice = new Recorder((job, world) => {
      world.send(job, 's1');
      world.send(job, 's2');
    });
    expect(() => run(twice)).toThrow('on its way already');
    expect(() => run(new Recorder((job, world) => world.send(job, 's9')))).toThrow('s9');
  });

  it('that the policy forgets counts as unfinished', () => {
    const policy = new Recorder(() => undefined);
    expect(run(policy, { limitMs: 1000 }).records[0]).toMatchObject({ end: 'unfinished' });
  });
});

describe('a client that leaves', () => {
  const leaving = (patienceMs: number) => ({
    workload: workloadOf([sessionOf('a', 0, { turns: [plan({ patienceMs })] })]),
  });

  it('while its request waits at the policy is told without a server', () => {
    const policy = new Recorder(() => undefined);
    expect(run(policy, leaving(300)).records[0]).toMatchObject({ end: 'left', attempts: 0 });
    expect(policy.heard.at(-1)).toEqual({ what: 'left a.0 undefined', at: 300, result: { kind: 'left', ms: 300 } });
  });

  it('during the answer frees the server and costs what was written', () => {
    const policy = new Recorder();
    const { records, totals } = run(policy, leaving(6155));
    expect(records[0]).toMatchObject({ end: 'left', firstTokenAt: 6110, endedAt: 6155 });
    expect(policy.heard.at(-1)?.what).toBe('left a.0 s1');
    expect(totals.loads).toBe(1);
  });
});

describe('sessions', () => {
  const two = workloadOf([sessionOf('a', 0, { turns: [plan(), plan()] })]);

  it('go on after the answer and the time to think', () => {
    const policy = new Recorder();
    run(policy, { workload: two });
    expect(untilToken(policy, 'arrive a.1')).toBe(7200);
  });

  it('go on after a failure too, so that every policy gets the same requests', () => {
    const policy = new Recorder((job, world) => world.refuse(job, 'no'));
    run(policy, { workload: two });
    expect(untilToken(policy, 'arrive a.1')).toBe(1000);
  });

  it('of an open loop do not wait for answers', () => {
    const policy = new Recorder(() => undefined);
    run(policy, { workload: { ...two, loop: 'open' }, limitMs: 20_000 });
    expect(untilToken(policy, 'arrive a.1')).toBe(6000);
  });

  it('of a closed loop follow each other, one per user at a time', () => {
    const policy = new Recorder();
    const sessions = [sessionOf('a', 0), sessionOf('b', 0), sessionOf('c', 0)];
    run(policy, { workload: workloadOf(sessions, { loop: 'closed', users: 1 }) });
    expect(untilToken(policy, 'arrive b.0')).toBe(7200);
    expect(untilToken(policy, 'arrive c.0')).toBe(7200 + 200 + 1000);
  });

  it('of the first tenth are not counted', () => {
    const sessions = Array.from({ length: 20 }, (_, index) => sessionOf(`x${index}`, index * 10_000));
    const { records, totals } = run(new Recorder(), { workload: workloadOf(sessions) });
    expect(records).toHaveLength(18);
    expect(records.map(({ id }) => id)).not.toContain('x1.0');
    expect(totals.loads).toBe(0);
  });
});

describe('looks at the servers', () => {
  const long = { workload: workloadOf([sessionOf('a', 0, { turns: [plan({ outputTokens: 3000 })] })]) };

  it('come before the first request and show what is in memory', () => {
    const policy = new Recorder();
    run(policy, long);
    expect(policy.polls.slice(0, 2)).toEqual([
      { server: 's1', at: 0, residents: [] },
      { server: 's2', at: 0, residents: [] },
    ]);
    const later = policy.polls.filter(({ server, at }) => server === 's1' && at > 6000);
    expect(later[0]?.residents).toMatchObject([{ model: model.name, contextLength: 8192 }]);
  });

  it('are more frequent while a request is under way', () => {
    const policy = new Recorder();
    run(policy, long);
    const looks = (id: string): number => policy.polls.filter(({ server }) => server === id).length;
    expect(looks('s1')).toBeGreaterThan(1.7 * looks('s2'));
  });
});

describe('loads by the policy', () => {
  it('bring a model in before the first request for it', () => {
    const loaded: boolean[] = [];
    const policy = new Recorder((job, world) => {
      world.load('s2', model.name, job.demand.shape, undefined, (ok) => {
        loaded.push(ok);
        world.send(job, 's2');
      });
    });
    const [record] = run(policy).records;
    expect(loaded).toEqual([true]);
    expect(record).toMatchObject({ sentAt: 6000, loadMs: 0 });
  });
});

describe('faults', () => {
  const late = { workload: workloadOf([sessionOf('a', 1000)]) };
  const reasonOf = (policy: Recorder): unknown => policy.heard.find(({ what }) => what.startsWith('failed'))?.result;

  it.each<[ServerFault, object]>([
    [{ kind: 'kill' }, { reason: 'connect', phase: 'connect', ms: 1 }],
    [{ kind: 'black-hole' }, { reason: 'status-5xx', phase: 'head', ms: 50 }],
    [{ kind: 'busy' }, { reason: 'overloaded', phase: 'head', ms: 5 }],
    [{ kind: 'hang' }, { reason: 'timeout', phase: 'head', ms: 60_000 }],
  ])('fail what arrives during them: %o', (fault, end) => {
    const policy = new Recorder();
    const { records } = run(policy, { ...late, ...faulty(fault, 0) });
    expect(reasonOf(policy)).toMatchObject(end);
    expect(records[0]).toMatchObject({ end: 'failed', why: 'given up', attempts: 1 });
  });

  it('leave the policy a second try elsewhere', () => {
    const policy = new Recorder(undefined, (job, world) => world.send(job, 's2'));
    const { records } = run(policy, { ...late, ...faulty({ kind: 'kill' }, 0) });
    expect(records[0]).toMatchObject({ end: 'served', server: 's2', attempts: 2 });
  });

  it('cut what runs when a server is killed; after the first token the request is over', () => {
    const before = new Recorder();
    run(before, faulty({ kind: 'kill' }, 6050));
    expect(reasonOf(before)).toMatchObject({ reason: 'reset', phase: 'head' });
    const after = new Recorder();
    const { records } = run(after, faulty({ kind: 'kill' }, 6150));
    expect(reasonOf(after)).toMatchObject({ reason: 'reset', phase: 'body' });
    expect(records[0]).toMatchObject({ end: 'failed', why: 'reset' });
  });

  it('break an answer off by an error line', () => {
    const policy = new Recorder();
    const workload = workloadOf([sessionOf('a', 0, { turns: [plan({ outputTokens: 500 })] })]);
    run(policy, { workload, ...faulty({ kind: 'error', share: 1 }, 0) });
    expect(reasonOf(policy)).toMatchObject({ reason: 'error-line', phase: 'body', ms: 6610 });
  });

  it('slow new requests down, loads included', () => {
    const policy = new Recorder();
    run(policy, faulty({ kind: 'slow', factor: 6 }, 0));
    expect(untilToken(policy, 'first')).toBeCloseTo(6 * 6110, 3);
  });

  it('end when their time is over', () => {
    const policy = new Recorder();
    const { records } = run(policy, { ...late, ...faulty({ kind: 'kill' }, 0, 900) });
    expect(records[0]).toMatchObject({ end: 'served' });
  });

  it('show as an unanswered look, a lie or an old picture', () => {
    const lookAt = (fault: ServerFault, from: number): Recorder => {
      const policy = new Recorder();
      run(policy, { workload: workloadOf([sessionOf('a', 0), sessionOf('b', 40_000)]), ...faulty(fault, from) });
      return policy;
    };
    const seen = (policy: Recorder, from: number, until: number) =>
      policy.polls
        .filter(({ server, at }) => server === 's1' && at > from && at < until)
        .map(({ residents }) => residents);
    expect(seen(lookAt({ kind: 'kill' }, 10_000), 10_000, 40_000)).toContain('down');
    expect(seen(lookAt({ kind: 'lying-ps' }, 0), 10_000, 40_000)).toEqual(
      seen(lookAt({ kind: 'lying-ps' }, 0), 10_000, 40_000).map(() => []),
    );
    const lagging = lookAt({ kind: 'lagging-ps', lagMs: 20_000 }, 0);
    expect(seen(lagging, 20_000, 25_900)).toContainEqual([]);
    expect(seen(lagging, 33_000, 46_000).at(-1)).toHaveLength(1);
  });

  it('let others use a server behind the proxy', () => {
    const sessions = [sessionOf('a', 0), sessionOf('b', 600_000)];
    const busy = run(new Recorder((job, world) => world.send(job, 's2')), {
      workload: workloadOf(sessions),
      ...faulty({ kind: 'bypass', perSecond: 0.1 }, 0),
    });
    expect(busy.totals.loads).toBeGreaterThan(2);
  });

  it('replace the proxy: the old one ends what it holds, the new one takes what arrives', () => {
    const made: Recorder[] = [];
    const { records } = simulate({
      workload: workloadOf([sessionOf('a', 0), sessionOf('b', 2000)]),
      fleet: fleetOf(serverOf('s1')),
      policy: () => {
        const next = new Recorder();
        made.push(next);
        return next;
      },
      faults: { servers: [], restarts: [1000] },
      seed: 1,
    });
    expect(records.map(({ end }) => end)).toEqual(['served', 'served']);
    expect(made.map(({ heard }) => heard.map(({ what }) => what))).toEqual([
      ['arrive a.0', 'first a.0 s1', 'served a.0 s1'],
      ['arrive b.0', 'first b.0 s1', 'served b.0 s1'],
    ]);
  });

  it('have names, and say what is wrong with one', () => {
    expect(faultPlan('none', ['s1'])).toEqual(NO_FAULTS);
    expect(faultPlan('slow', ['s1', 's2', 's3', 's4']).servers.map(({ server }) => server)).toEqual(['s1', 's2', 's3']);
    expect(() => faultPlan('slwo', ['s1'])).toThrow('slow');
  });
});

describe('a whole run', () => {
  const whole = (policy: string, seed: number, faults = 'none'): SimResult => {
    const workload = makeWorkload(presetSpec('storm', ['aborts', 'options']), seed, 400);
    const fleet = buildFleet('storm', workload);
    const make = POLICIES[policy];
    if (make === undefined) throw new Error(`no policy ${policy}`);
    const ids = fleet.servers.map(({ id }) => id);
    return simulate({ workload, fleet, policy: () => make({ retry: true }), faults: faultPlan(faults, ids), seed });
  };

  it.each(Object.keys(POLICIES))('repeats bit by bit from its seed and ends every request once: %s', (policy) => {
    const first = whole(policy, 3);
    expect(whole(policy, 3)).toEqual(first);
    expect(new Set(first.records.map(({ id }) => id)).size).toBe(360);
    expect(first.records.filter(({ end }) => end === 'unfinished')).toEqual([]);
  });

  it.each(Object.keys(FAULTS))('ends every request under every fault: %s', (faults) => {
    const { records } = whole('warm-spill', 5, faults);
    expect(records).toHaveLength(360);
    expect(records.filter(({ end }) => end === 'unfinished')).toEqual([]);
  });
});
