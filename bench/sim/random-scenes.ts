import { seededRng, type Rng } from '../../src/core/rng.ts';
import { hash32 } from '../../src/sim/model/hash.ts';
import type { MachineProfile } from '../../src/sim/model/profile.ts';
import type { ReusePolicy } from '../../src/sim/model/reuse.ts';
import { boundsOf } from './bounds.ts';
import type { Scene } from './cell.ts';
import { faultPlan, FAULTS } from './faults.ts';
import { buildFleet, residentBytes, type FleetPlan, type Place } from './fleets.ts';
import { PRESETS, presetSpec, VARIANTS } from './presets.ts';
import { makeWorkload } from './workloads.ts';

/** A scene that nobody chose. */
export interface RandomScene {
  readonly scene: Scene;
  /** Of workload and chance. */
  readonly seed: number;
  /** Rate over what the servers can do one request at a time. */
  readonly utilisation: number;
  /** What it is, in a line. */
  readonly about: string;
}

/** From nearly idle to more than can be done one at a time. */
const LEAST_UTILISATION = 0.2;
const MOST_UTILISATION = 1.1;
const FEWEST_SERVERS = 2;
const MOST_SERVERS = 20;
const MOST_CLASSES = 3;
/** Part of the run at whose beginning and end a fault that passes comes and goes. */
const FAULT_FROM = 0.3;
const FAULT_UNTIL = 0.7;
const REUSE: readonly ReusePolicy[] = ['many', 'one-per-slot', 'one-per-model'];
const SLOTS = [1, 2, 4];
/** Its own rate would drown a small pool whatever the policy. */
const LEFT_OUT = new Set(['flood']);
const GIB = 2 ** 30;

const one = <T>(items: readonly T[], rng: Rng): T => {
  const item = items[Math.floor(rng.next() * items.length)];
  if (item === undefined) throw new Error('nothing to draw from');
  return item;
};

/** Evenly in the logarithm. */
const between = (low: number, high: number, rng: Rng): number => low * (high / low) ** rng.next();

const classOf = (rng: Rng): Required<Pick<Place, 'profile' | 'slots'>> => ({
  profile: {
    name: 'random-gpu',
    prefillPerSecond: between(600, 6000, rng),
    decodePerSecond: between(20, 120, rng),
    loadBaseMs: between(1000, 4000, rng),
    loadBytesPerSecond: between(0.5e9, 3e9, rng),
    memoryBytes: between(8, 48, rng) * GIB,
    gpu: true,
    companySlowdown: between(0.25, 0.75, rng),
  },
  slots: one(SLOTS, rng),
});

const speedText = ({ profile, slots }: Place): string =>
  `${profile.prefillPerSecond.toFixed(0)}/${profile.decodePerSecond.toFixed(0)} tok/s ` +
  `${(profile.memoryBytes / GIB).toFixed(0)} GiB ×${slots ?? 1}`;

const withMemory = (profile: MachineProfile, bytes: number): MachineProfile => ({
  ...profile,
  memoryBytes: Math.max(profile.memoryBytes, bytes),
});

/**
 * Draws fleet, workload, rate and faults. The same seed and index give the same scene.
 * @param index from 0; every second scene does not tell the slots
 */
export const randomScene = (seed: number, index: number, requests: number): RandomScene => {
  const rng = seededRng(hash32(`scene ${index}`, seed));
  const preset = one(Object.keys(PRESETS), rng);
  const names = Object.keys(VARIANTS).filter((name) => !LEFT_OUT.has(name));
  const wanted = Math.floor(rng.next() * 3);
  const variants = [...new Set(Array.from({ length: wanted }, () => one(names, rng)))];
  // A single model has no other one to be flipped with, and what shapes the shares of several comes first.
  const ordered = variants.filter((name) => name !== 'one').concat(variants.includes('one') ? ['one'] : []);
  const spec = presetSpec(preset, ordered);
  const workloadSeed = 1 + Math.floor(rng.next() * 1e6);
  const sample = makeWorkload(spec, workloadSeed, requests);

  const servers = FEWEST_SERVERS + Math.floor(rng.next() * (MOST_SERVERS - FEWEST_SERVERS + 1));
  const classes = Array.from({ length: 1 + Math.floor(rng.next() * MOST_CLASSES) }, () => classOf(rng));
  const largest = Math.max(...sample.models.map((model) => residentBytes(model, 1, sample.contextTokens)));
  const places = Array.from({ length: servers }, (_, place): Place => {
    const drawn = classes[place % classes.length] ?? classOf(rng);
    // The first class has room for whatever is asked for.
    return place % classes.length === 0 ? { ...drawn, profile: withMemory(drawn.profile, largest) } : drawn;
  });
  const reuse = one(REUSE, rng);
  const plan: FleetPlan = { name: `random-${index}`, places };
  const options = { models: sample.models, contextTokens: sample.contextTokens, reuse };
  const fleet = buildFleet(plan, options);

  const utilisation = LEAST_UTILISATION + (MOST_UTILISATION - LEAST_UTILISATION) * rng.next();
  const rate = utilisation * boundsOf(sample, fleet).fluidPerSecond;
  const spanMs = (1000 * requests) / rate;
  const faults = rng.next() < 0.5 ? 'none' : one(Object.keys(FAULTS), rng);
  const window = { from: FAULT_FROM * spanMs, until: FAULT_UNTIL * spanMs };
  const ids = fleet.servers.map(({ id }) => id);
  const tellSlots = index % 2 === 0;
  const scene: Scene = {
    preset,
    variants: ordered,
    fleet: plan,
    rate,
    slots: undefined,
    reuse,
    faults: faultPlan(faults, ids, window),
    requests,
    retry: true,
    tellSlots,
  };
  const about =
    `#${index} ${[preset, ...ordered].join('+')} at ${rate.toFixed(2)}/s (${(100 * utilisation).toFixed(0)} %), ` +
    `faults ${faults}, ${tellSlots ? 'told' : 'untold'}, ${reuse}, ${servers} servers of ` +
    places.slice(0, classes.length).map(speedText).join(' | ');
  return { scene, seed: workloadSeed, utilisation, about };
};
