import type { CellResult, Scene } from './cell.ts';
import { mean } from './statistics.ts';

/** What must hold of the router's runs beside the other's. */
export interface Promised {
  readonly text: string;
  readonly holds: (ours: readonly CellResult[], other: readonly CellResult[]) => boolean;
}

/** A situation in which routers are known to collapse. */
export interface Collapse {
  readonly name: string;
  readonly about: string;
  readonly scene: Scene;
  /** The router, then what it is compared with. */
  readonly policies: readonly [ours: string, other: string];
  readonly promises: readonly Promised[];
}

type Value = (result: CellResult) => number;

const p95: Value = ({ metrics }) => metrics.others.p95;
const goodput: Value = ({ metrics }) => metrics.goodput;
const errors: Value = ({ metrics }) => metrics.errors;
const over = (results: readonly CellResult[], value: Value): number => mean(results.map(value));

/** The least that is expected of the router anywhere: clearly sooner, and no worse for it. */
const SOONER = 0.5;
const SOONER_THAN_OTHERS: readonly Promised[] = [
  { text: 'p95 half of the other’s', holds: (ours, other) => over(ours, p95) <= SOONER * over(other, p95) },
  { text: 'as many good', holds: (ours, other) => over(ours, goodput) >= over(other, goodput) },
  { text: 'as few errors', holds: (ours, other) => over(ours, errors) <= over(other, errors) },
];

const errorsAtMost = (share: number): Promised => ({
  text: `errors at most ${(100 * share).toFixed(1)} %`,
  holds: (ours) => over(ours, errors) <= share,
});

const othersWithin = (p50Ms: number, p95Ms: number): Promised => ({
  text: `others’ p50 ${p50Ms / 1000} s and p95 ${p95Ms / 1000} s`,
  holds: (ours) => over(ours, ({ metrics }) => metrics.others.p50) <= p50Ms && over(ours, p95) <= p95Ms,
});

const goodAtLeast = (share: number): Promised => ({
  text: `${(100 * share).toFixed(0)} % good`,
  holds: (ours) => over(ours, goodput) >= share,
});

/** Of what the bad servers got before, at most this part is still sent there. */
const trafficFalls = (part: number): Promised => ({
  text: `the bad server’s share falls to ${(100 * part).toFixed(0)} %`,
  holds: (ours) =>
    over(ours, ({ traffic }) => traffic?.during ?? Number.NaN) <=
    part * over(ours, ({ traffic }) => traffic?.before ?? Number.NaN),
});

const SCENE: Scene = {
  preset: 'science',
  variants: [],
  fleet: undefined,
  rate: undefined,
  slots: undefined,
  reuse: undefined,
  faults: 'none',
  requests: 0,
  retry: true,
  tellSlots: true,
};

const collapse = (
  name: string,
  about: string,
  change: Partial<Scene>,
  promises: readonly Promised[] = [],
  ours = 'ours',
): Collapse => ({
  name,
  about,
  scene: { ...SCENE, ...change },
  policies: [ours, 'least-connections'],
  promises: [...SOONER_THAN_OTHERS, ...promises],
});

/** Few enough to pass for none: what is under way when a server begins to fail. */
const HARDLY_ANY = 0.009;

export const COLLAPSES: readonly Collapse[] = [
  collapse('shared', 'one system prompt in front of all traffic', { variants: ['shared'] }),
  collapse('shared-one', 'one system prompt and one model for all traffic', { variants: ['shared', 'one'], rate: 5 }),
  collapse('hot', 'nine of ten requests want the same model', { variants: ['hot'] }),
  collapse(
    'black-hole',
    'one of twenty servers fails in 50 ms for ten minutes, nobody retries',
    { faults: 'black-hole', retry: false },
    [errorsAtMost(HARDLY_ANY)],
    'ours-once',
  ),
  collapse('black-hole-retry', 'the same, failures are tried again elsewhere', { faults: 'black-hole' }, [
    errorsAtMost(0),
  ]),
  collapse('flood', 'one tenant floods with 4 requests a second for ten minutes', { variants: ['flood'] }, [
    othersWithin(1500, 18_000),
  ]),
  collapse('slow', 'one server six times slower for fifteen minutes', { faults: 'slow-one' }, [trafficFalls(0.5)]),
  collapse('restart', 'the proxy is replaced by one that knows nothing', { faults: 'restart' }, [goodAtLeast(0.9)]),
  collapse('slots-twice', 'two slots each, and the operator told four', { slots: 2, slotsFactor: 2 }),
  collapse('slots-half', 'two slots each, and the operator told one', { slots: 2, slotsFactor: 0.5 }),
  collapse('lying-ps', '/api/ps of three servers lists nothing', { faults: 'lying-ps' }),
  collapse('lagging-ps', '/api/ps of all servers is 20 s old', { faults: 'lagging-ps' }),
  collapse('bypass', 'somebody uses three servers directly', { faults: 'bypass' }),
  collapse('flip', 'the two most popular models change places', { variants: ['flip'] }),
];
