import { describe, expect, it } from 'vitest';
import { runCell, type CellResult } from '../../../bench/sim/cell.ts';
import { COLLAPSES } from '../../../bench/sim/collapse-scenes.ts';
import { simulate, type SimResult } from '../../../bench/sim/driver.ts';
import { faultPlan } from '../../../bench/sim/faults.ts';
import { fleetOfText } from '../../../bench/sim/fleet-file.ts';
import { buildFleet } from '../../../bench/sim/fleets.ts';
import { policyOf } from '../../../bench/sim/policies.ts';
import { randomScene } from '../../../bench/sim/random-scenes.ts';
import { crossing, FIGURES, isMet } from '../../../bench/sim/target-figures.ts';
import { Totals } from '../../../bench/sim/totals.ts';
import { trafficOf } from '../../../bench/sim/traffic.ts';
import { FLOODER } from '../../../bench/sim/workloads.ts';
import { metricsOf } from '../../../bench/sim/metrics.ts';
import { fleetOf, model, Recorder, serverOf, sessionOf, workloadOf } from './helpers.ts';

describe('a random scene', () => {
  it('is the same for the same seed and number, and another one for others', () => {
    expect(randomScene(3, 5, 50)).toEqual(randomScene(3, 5, 50));
    expect(randomScene(3, 5, 50).about).not.toBe(randomScene(3, 6, 50).about);
    expect(randomScene(3, 5, 50).about).not.toBe(randomScene(4, 5, 50).about);
  });

  it('can be run whatever was drawn, and tells the slots every second time', () => {
    for (let index = 0; index < 40; index += 1) {
      const { scene, seed, utilisation } = randomScene(1, index, 30);
      expect(utilisation).toBeGreaterThanOrEqual(0.2);
      expect(utilisation).toBeLessThanOrEqual(1.1);
      expect(scene.tellSlots).toBe(index % 2 === 0);
      expect(runCell({ ...scene, policy: 'least-connections', seed }).metrics.requests).toBeGreaterThan(0);
    }
  });
});

describe('a schedule of faults', () => {
  it('hits when it is told to instead of at its usual time', () => {
    const [usual] = faultPlan('kill', ['s1', 's2']).servers;
    const [moved] = faultPlan('kill', ['s1', 's2'], { from: 10, until: 20 }).servers;
    expect(usual).toMatchObject({ server: 's1', from: 300_000, until: 900_000 });
    expect(moved).toMatchObject({ server: 's1', from: 10, until: 20 });
    expect(faultPlan('restart', [], { from: 10, until: 20 }).restarts).toEqual([10]);
  });

  it('that lasts all the time has no other time', () => {
    const [lying] = faultPlan('lying-ps', ['s1'], { from: 10, until: 20 }).servers;
    expect(lying).toMatchObject({ from: 0, until: Number.POSITIVE_INFINITY });
  });
});

describe('what a policy is told of slots', () => {
  const toldWith = (change: object): readonly (number | undefined)[] => {
    const policy = new Recorder();
    const fleet = fleetOf(serverOf('s1', { slots: 1 }), serverOf('s2', { slots: 4 }));
    simulate({ workload: workloadOf([sessionOf('a', 0)]), fleet, policy: () => policy, seed: 1, ...change });
    return policy.world.servers.map(({ slots }) => slots);
  };

  it('is the truth, nothing, or wrong by a factor, but one at least', () => {
    expect(toldWith({})).toEqual([1, 4]);
    expect(toldWith({ tellSlots: false })).toEqual([undefined, undefined]);
    expect(toldWith({ slotsFactor: 2 })).toEqual([2, 8]);
    expect(toldWith({ slotsFactor: 0.5 })).toEqual([1, 2]);
  });
});

describe('the traffic to bad servers', () => {
  const record = (server: string, sentAt: number, endedAt: number): SimResult['records'][number] => ({
    id: `${server} ${sentAt}`,
    tenant: 't',
    model: 'm',
    arrivedAt: sentAt,
    sentAt,
    firstTokenAt: endedAt,
    endedAt,
    end: 'served',
    why: '',
    attempts: 1,
    server,
    loadMs: 0,
    promptTokens: 1,
    cachedTokens: 0,
    outputTokens: 1,
  });
  const resultOf = (records: SimResult['records']): SimResult => ({
    policy: 'test',
    seed: 1,
    records,
    sends: records.map(({ server, sentAt }) => ({ server, at: sentAt })),
    totals: new Totals(0, 0, 0, 0),
    spanMs: 1,
  });
  const plan = {
    servers: [{ server: 'bad', from: 100, until: 200, fault: { kind: 'kill' } as const }],
    restarts: [],
  };

  it('is its share of the attempts before and while it is bad, and after its third answer', () => {
    const before = [record('bad', 10, 20), record('good', 20, 30)];
    const during = [110, 120, 130, 160].map((at) => record('bad', at, at + 10));
    const others = Array.from({ length: 4 }, (_, index) => record('good', 150 + index, 190));
    expect(trafficOf(resultOf([...before, ...during, ...others, record('bad', 300, 310)]), plan)).toEqual({
      before: 0.5,
      during: 0.5,
      afterThree: 1 / 8,
    });
  });

  it('is no figure where nobody or everybody is bad', () => {
    expect(trafficOf(resultOf([record('good', 1, 2)]), { servers: [], restarts: [] })).toBeUndefined();
    expect(trafficOf(resultOf([record('bad', 1, 2)]), plan)).toBeUndefined();
  });

  it('leaves a tenant that floods out of what others wait', () => {
    const quick = { ...record('good', 0, 10), tenant: 't' };
    const flood = { ...record('good', 0, 900), tenant: FLOODER };
    expect(metricsOf(resultOf([quick, flood, flood])).others.p95).toBe(10);
  });
});

describe('a pool that a file describes', () => {
  const text = `
    context: 8192
    models: { "big:70b": 40GB }
    servers:
      - { name: gpu, count: 2, prefill: 900, decode: 30, memory: 48GiB, load: 1GB, slots: 4, reuse: one-per-slot }
      - { like: cpu }`;

  it('is built with its speeds, memory and slots', () => {
    const { plan, modelBytes, contextTokens } = fleetOfText(text, 'office.yaml');
    const { servers } = buildFleet(plan, { models: [model], contextTokens: 8192 });
    expect(servers.map(({ id }) => id)).toEqual(['gpu-1', 'gpu-2', 's2']);
    expect(servers[0]).toMatchObject({
      slots: 4,
      reuse: 'one-per-slot',
      profile: { prefillPerSecond: 900, decodePerSecond: 30, memoryBytes: 48 * 2 ** 30, loadBytesPerSecond: 1e9 },
    });
    expect(servers[2]).toMatchObject({ slots: 1, reuse: 'many', profile: { name: 'cpu' } });
    expect(modelBytes).toEqual({ 'big:70b': 40e9 });
    expect(contextTokens).toBe(8192);
  });

  it.each([
    ['servers: []', 'servers'],
    ['servers: [{ memory: 5 }]', 'memory'],
    ['servers: [{ memory: 5 apples }]', 'apples'],
    ['servers: [{ speed: 5 }]', 'speed'],
    ['servers: [{ name: a }, { name: a }]', 'two servers a'],
  ])('is refused with what is wrong with %s', (wrong, hint) => {
    expect(() => fleetOfText(wrong, 'office.yaml')).toThrow(hint);
    expect(() => fleetOfText(wrong, 'office.yaml')).toThrow('office.yaml');
  });
});

describe('the router with one attempt', () => {
  it('does not try a failed request elsewhere', () => {
    const faults = {
      servers: [{ server: 's1', from: 0, until: Number.POSITIVE_INFINITY, fault: { kind: 'black-hole' } as const }],
      restarts: [],
    };
    const errorsOf = (name: string): number => {
      const fleet = fleetOf(serverOf('s1'), serverOf('s2'));
      const workload = workloadOf([sessionOf('a', 0), sessionOf('b', 0)]);
      const policy = () => policyOf(name)({ retry: false });
      return metricsOf(simulate({ workload, fleet, policy, faults, seed: 1 })).errors;
    };
    expect(errorsOf('ours')).toBe(0);
    expect(errorsOf('ours-once')).toBe(0.5);
  });
});

describe('the router with background copies', () => {
  it('keeps a model in memory that was wanted, where the router without loads it again', () => {
    const minute = 60_000;
    const busy = Array.from({ length: 12 }, (_, index) => sessionOf(`a${index}`, (index * minute) / 4));
    const late = sessionOf('late', 8.5 * minute);
    const loadOfLate = (name: string): number | undefined => {
      const workload = workloadOf([...busy, late]);
      const policy = () => policyOf(name)({ retry: false });
      const { records } = simulate({ workload, fleet: fleetOf(serverOf('s1')), policy, seed: 1 });
      return records.find(({ id }) => id === 'late.0')?.loadMs;
    };
    expect(loadOfLate('ours-unplaced')).toBeGreaterThan(0);
    expect(loadOfLate('ours')).toBe(0);
  });
});

describe('targets', () => {
  it('are judged by their own direction', () => {
    expect(isMet({ atMost: 3 }, 3)).toBe(true);
    expect(isMet({ atMost: 3 }, 3.1)).toBe(false);
    expect(isMet({ atLeast: 3 }, 2.9)).toBe(false);
    expect(isMet({ atLeast: 3 }, Number.NaN)).toBe(false);
  });

  it('find the rate at which the ninetieth good request is lost', () => {
    expect(crossing([1, 2, 3], [0.98, 0.92, 0.88])).toBeCloseTo(2.5);
    expect(crossing([1, 2], [0.8, 0.7])).toBe(0);
    expect(crossing([1, 2], [0.99, 0.95])).toBe(2);
  });

  it('and scenarios name policies that exist', () => {
    for (const { runs } of FIGURES) for (const { policy } of runs) expect(() => policyOf(policy)).not.toThrow();
    for (const { policies } of COLLAPSES) for (const policy of policies) expect(() => policyOf(policy)).not.toThrow();
  });

  it('of a scenario fail when the router is no better than the other', () => {
    const [scenario] = COLLAPSES;
    if (scenario === undefined) throw new Error('there are no scenarios');
    const same = [runCell({ ...scenario.scene, requests: 40, policy: 'least-connections', seed: 1 })];
    const holds = (ours: readonly CellResult[]) => scenario.promises.map((promise) => promise.holds(ours, same));
    expect(holds(same)).toEqual([false, true, true]);
    expect(holds([runCell({ ...scenario.scene, requests: 40, policy: 'ours', seed: 1 })])[1]).toBe(true);
  });
});
