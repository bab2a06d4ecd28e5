import { seededRng, type Rng } from '../../src/core/rng.ts';
import { contextBytesPerToken, slotsFor, type SimModel } from '../../src/sim/model/models.ts';
import { profiles, type MachineProfile } from '../../src/sim/model/profile.ts';
import type { ReusePolicy } from '../../src/sim/model/reuse.ts';

/** One simulated Ollama server. */
export interface ServerSpec {
  readonly id: string;
  readonly profile: MachineProfile;
  /** OLLAMA_NUM_PARALLEL. */
  readonly slots: number;
  readonly reuse: ReusePolicy;
  /** OLLAMA_CONTEXT_LENGTH. */
  readonly contextTokens: number;
  readonly models: readonly SimModel[];
  readonly version: string;
}

export interface Fleet {
  readonly name: string;
  readonly servers: readonly ServerSpec[];
}

const GIB = 2 ** 30;

/**
 * The reference pool states memory in bytes of weights, 24, 16 and 32 GB; the machine counts a tenth of overhead and the
 * contexts too, which at 16k tokens and one slot makes this factor.
 */
const WITH_CONTEXTS = 1.53;
const memoryFor = (weightBytes: number): number => weightBytes * WITH_CONTEXTS;

/** The three classes of the reference pool. */
const FAST: MachineProfile = {
  name: 'fast-gpu',
  prefillPerSecond: 5000,
  decodePerSecond: 100,
  loadBaseMs: 2000,
  loadBytesPerSecond: 2e9,
  memoryBytes: memoryFor(24e9),
  gpu: true,
  companySlowdown: 0.5,
};
const MIDDLE: MachineProfile = {
  ...FAST,
  name: 'middle-gpu',
  prefillPerSecond: 2200,
  decodePerSecond: 55,
  loadBytesPerSecond: 1.2e9,
  memoryBytes: memoryFor(16e9),
};
const SLOW: MachineProfile = {
  ...FAST,
  name: 'slow-gpu',
  prefillPerSecond: 700,
  decodePerSecond: 28,
  loadBytesPerSecond: 1.5e9,
  memoryBytes: memoryFor(32e9),
};
const CPU = profiles.cpu;

/** One server of a pool that is still to be built. */
export interface Place {
  readonly profile: MachineProfile;
  /** Default 1. */
  readonly slots?: number;
  /** Default: what the whole pool has. */
  readonly reuse?: ReusePolicy;
  /** Name in tables; default s1, s2, … in order. */
  readonly id?: string;
}

/** A pool that no name stands for. Plain values, so that it can be sent to a process. */
export interface FleetPlan {
  readonly name: string;
  readonly places: readonly Place[];
}

const of = (count: number, profile: MachineProfile): readonly Place[] =>
  Array.from({ length: count }, () => ({ profile }));

/** Classes by turns, so that neighbours in the list differ. */
const mixed = (count: number): readonly Place[] =>
  Array.from({ length: count }, (_, index) => ({ profile: [FAST, MIDDLE, SLOW][index % 3] ?? FAST }));

const randomPlace = (rng: Rng): Place => {
  const between = (low: number, high: number): number => low * (high / low) ** rng.next();
  return {
    profile: {
      name: 'random-gpu',
      prefillPerSecond: between(600, 6000),
      decodePerSecond: between(20, 120),
      loadBaseMs: between(1000, 4000),
      loadBytesPerSecond: between(0.5e9, 3e9),
      memoryBytes: between(12, 48) * GIB,
      gpu: true,
      companySlowdown: between(0.25, 0.75),
    },
    slots: rng.next() < 0.5 ? 1 : rng.next() < 0.5 ? 2 : 4,
  };
};

const PLACES: Readonly<Record<string, (seed: number) => readonly Place[]>> = {
  pair: () => [{ profile: FAST }, { profile: SLOW }],
  // Uneven in speed, memory and slots: what a few people have under their desks.
  storm: () => [
    { profile: FAST, slots: 4 },
    { profile: MIDDLE, slots: 2 },
    { profile: SLOW, slots: 1 },
    { profile: SLOW, slots: 1 },
  ],
  five: () => [...of(2, FAST), { profile: MIDDLE }, { profile: SLOW }, { profile: CPU }],
  twenty: () => mixed(20),
  // As much memory as the fast ones, so that each server bears every model.
  equal: () => of(20, { ...MIDDLE, memoryBytes: FAST.memoryBytes }),
  'two-hundred': () => mixed(200),
  random: (seed) => {
    const rng = seededRng(seed ^ 0x2545f491);
    return Array.from({ length: 8 }, () => randomPlace(rng));
  },
};

export const FLEET_NAMES: readonly string[] = Object.keys(PLACES);

export interface FleetOptions {
  readonly models: readonly SimModel[];
  readonly contextTokens: number;
  /** Replaces the slots of every server. */
  readonly slots?: number | undefined;
  /** Replaces what every server remembers; default: the place's own, else `many`. */
  readonly reuse?: ReusePolicy | undefined;
  /** For `random`. */
  readonly seed?: number | undefined;
}

/** Bytes that a model needs in memory with its contexts, as the machine counts them. */
export const residentBytes = (model: SimModel, slots: number, contextTokens: number): number =>
  model.size * 1.1 + contextTokens * slotsFor(model, slots) * contextBytesPerToken(model);

/** Versions whose engine remembers prompts in this way. */
const VERSION: Readonly<Record<ReusePolicy, string>> = {
  many: '0.33.0',
  'one-per-slot': '0.24.0',
  'one-per-model': '0.24.0',
};

/**
 * A pool by name or plan. A server has every model installed that fits its memory; where several slots make the contexts grow,
 * its memory grows with them, as whoever sets OLLAMA_NUM_PARALLEL has the room for it.
 * Throws on an unknown name, and if a model fits nowhere.
 */
export const buildFleet = (fleet: string | FleetPlan, options: FleetOptions): Fleet => {
  const name = typeof fleet === 'string' ? fleet : fleet.name;
  const places = typeof fleet === 'string' ? PLACES[fleet]?.(options.seed ?? 1) : fleet.places;
  if (places === undefined) throw new Error(`no fleet is called ${name}: take one of ${FLEET_NAMES.join(', ')}`);
  const { contextTokens, models } = options;
  const servers = places.map((place, index): ServerSpec => {
    const slots = options.slots ?? place.slots ?? 1;
    const reuse = options.reuse ?? place.reuse ?? 'many';
    const fits = models.filter((model) => residentBytes(model, 1, contextTokens) <= place.profile.memoryBytes);
    const largest = Math.max(0, ...fits.map((model) => residentBytes(model, slots, contextTokens)));
    return {
      id: place.id ?? `s${index + 1}`,
      profile: { ...place.profile, memoryBytes: Math.max(place.profile.memoryBytes, largest) },
      slots,
      reuse,
      contextTokens,
      models: fits,
      version: VERSION[reuse],
    };
  });
  const homeless = models.find((model) => !servers.some((server) => server.models.includes(model)));
  if (homeless !== undefined) {
    throw new Error(
      `${homeless.name} fits no server of fleet ${name}: take a fleet with more memory or a smaller model`,
    );
  }
  return { name, servers };
};
