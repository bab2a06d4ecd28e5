import type { ReusePolicy } from '../../src/sim/model/reuse.ts';
import { boundsOf, type Bounds } from './bounds.ts';
import { simulate } from './driver.ts';
import { faultPlan, type FaultPlan } from './faults.ts';
import { buildFleet, type Fleet, type FleetPlan } from './fleets.ts';
import { metricsOf, type Metrics } from './metrics.ts';
import { policyOf } from './policies.ts';
import { homeFleet, presetSpec } from './presets.ts';
import { ttftMs } from './record.ts';
import { recordedWorkload, type Recording } from './recorded.ts';
import { quantile, sortedNumbers } from './statistics.ts';
import { trafficOf, type Traffic } from './traffic.ts';
import type { Workload } from './workload.ts';
import { makeWorkload } from './workloads.ts';

/** Where and what is run; everything but the policy and the seed. Plain values, so that it can be sent to a process. */
export interface Scene {
  readonly preset: string;
  readonly variants: readonly string[];
  /** A name or a plan; undefined = the one that the preset is made for. */
  readonly fleet: string | FleetPlan | undefined;
  /** Requests per second; undefined = the preset's, scaled by what the fleet can do. */
  readonly rate: number | undefined;
  readonly slots: number | undefined;
  readonly reuse: ReusePolicy | undefined;
  /** A name or a plan. */
  readonly faults: string | FaultPlan;
  readonly requests: number;
  readonly retry: boolean;
  readonly tellSlots: boolean;
  /** By how much the slots that are told are wrong; default 1. */
  readonly slotsFactor?: number;
  /** Replays a recording instead of a preset, whose name then only labels it. */
  readonly recording?: Recording;
}

export interface Cell extends Scene {
  readonly policy: string;
  readonly seed: number;
}

export interface CellResult {
  readonly cell: Cell;
  readonly metrics: Metrics;
  /** Times to first token in ms at 0, 0.5 … 100 %. */
  readonly ttft: readonly number[];
  /** What the servers got that the faults hit; undefined where none is hit for a time. */
  readonly traffic: Traffic | undefined;
}

/** Requests that are enough to compare what two fleets can do. */
const SAMPLE_REQUESTS = 500;
const TTFT_POINTS = 201;
/** For a recording that comes without a pool. */
const DEFAULT_FLEET = 'twenty';

const fleetOf = (scene: Scene, name: string | FleetPlan, { models, contextTokens }: Workload, seed: number): Fleet =>
  buildFleet(name, { models, contextTokens, slots: scene.slots, reuse: scene.reuse, seed });

/** Requests per second of a scene. */
export const rateOf = (scene: Scene): number => {
  if (scene.rate !== undefined) return scene.rate;
  if (scene.recording !== undefined) return recordedWorkload(scene.recording).perSecond;
  const spec = presetSpec(scene.preset, scene.variants);
  const home = homeFleet(scene.preset);
  if (scene.fleet === undefined || scene.fleet === home) return spec.rate;
  const sample = makeWorkload(spec, 1, SAMPLE_REQUESTS);
  const fluid = (name: string | FleetPlan): number => boundsOf(sample, fleetOf(scene, name, sample, 1)).fluidPerSecond;
  return (spec.rate * fluid(scene.fleet)) / fluid(home);
};

const setUp = (scene: Scene, seed: number): { readonly workload: Workload; readonly fleet: Fleet } => {
  if (scene.recording !== undefined) {
    const { workload } = recordedWorkload(scene.recording);
    return { workload, fleet: fleetOf(scene, scene.fleet ?? DEFAULT_FLEET, workload, seed) };
  }
  const spec = { ...presetSpec(scene.preset, scene.variants), rate: rateOf(scene) };
  const workload = makeWorkload(spec, seed, scene.requests);
  return { workload, fleet: fleetOf(scene, scene.fleet ?? homeFleet(scene.preset), workload, seed) };
};

/** What nobody can beat in a scene. */
export const sceneBounds = (scene: Scene, seed: number): Bounds => {
  const { workload, fleet } = setUp(scene, seed);
  return boundsOf(workload, fleet);
};

/** Runs one policy once. Throws on names that do not exist. */
export const runCell = (cell: Cell): CellResult => {
  const make = policyOf(cell.policy);
  const { workload, fleet } = setUp(cell, cell.seed);
  const ids = fleet.servers.map(({ id }) => id);
  const faults = typeof cell.faults === 'string' ? faultPlan(cell.faults, ids) : cell.faults;
  const result = simulate({
    workload,
    fleet,
    policy: () => make({ retry: cell.retry }),
    faults,
    seed: cell.seed,
    tellSlots: cell.tellSlots,
    slotsFactor: cell.slotsFactor ?? 1,
  });
  const sorted = sortedNumbers(result.records.map(ttftMs));
  const ttft = Array.from({ length: TTFT_POINTS }, (_, index) => quantile(sorted, index / (TTFT_POINTS - 1)));
  return { cell, metrics: metricsOf(result), ttft, traffic: trafficOf(result, faults) };
};
