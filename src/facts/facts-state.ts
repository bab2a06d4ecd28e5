import { readMean, type DecayedMean, type SavedMean } from './decayed.ts';
import type { HostFacts } from './host.ts';
import type { SavedLength, SavedModelLength, SavedPairLength } from './lengths.ts';
import type { FactsParts } from './parts.ts';
import type { SavedRatio } from './prompt-ratio.ts';
import type { RunnerFacts } from './runner.ts';
import { readRunnerSpeeds, type SavedRunnerSpeeds } from './runner-speeds.ts';
import { Saved } from './saved.ts';
import { HostSlots, readRunnerSlots, type LearnedSlots, type SavedHostSlots, type SavedRunnerSlots } from './slots.ts';
import { PoolSpeeds, type LearnedSpeeds, type SavedHostSpeeds, type SavedPoolSpeeds } from './speeds.ts';

/** What is saved of one model on one host; plain data for JSON, like all that follows. */
export interface SavedRunnerFacts {
  readonly speeds: SavedRunnerSpeeds;
  readonly slots: SavedRunnerSlots;
}

/** What is saved of one host, its runners left out. */
export interface SavedHostFacts {
  readonly speeds: SavedHostSpeeds;
  readonly slots: SavedHostSlots;
}

/** What is saved of the pool as a whole. */
export interface SavedPoolFacts {
  readonly speeds: SavedPoolSpeeds;
  readonly service: SavedMean | null;
  readonly length: SavedLength;
}

/** What was saved of a runner that is not there yet: which models a host has shows only when it was looked at. */
interface Awaited {
  readonly saved: SavedRunnerFacts;
  /** ms on the Clock at which it is taken for saved. */
  readonly at: number;
}

const NO_SPEEDS: ReadonlyMap<string, LearnedSpeeds> = new Map();
const NO_SLOTS: ReadonlyMap<string, LearnedSlots> = new Map();

/**
 * What of the learned facts outlives the process, piece by piece: speeds, slots, lengths of answers and tokens per byte.
 * What is in memory where, and which prompts are remembered there, is of the moment and is not saved. Every `restore…`
 * takes a piece for saved at `at` (ms on the Clock, before now for one that is older), checks it whole before it changes
 * anything, and throws `SavedFactsError` for one that is none.
 */
export class FactsState {
  readonly #hosts: ReadonlyMap<string, HostFacts>;
  readonly #parts: FactsParts;
  readonly #service: DecayedMean;
  readonly #hostOf: (id: string) => HostFacts;
  readonly #awaited = new Map<string, Map<string, Awaited>>();

  /** Belongs to one `Facts`, which hands over its own parts. */
  constructor(
    hosts: ReadonlyMap<string, HostFacts>,
    parts: FactsParts,
    service: DecayedMean,
    hostOf: (id: string) => HostFacts,
  ) {
    this.#hosts = hosts;
    this.#parts = parts;
    this.#service = service;
    this.#hostOf = hostOf;
  }

  // ---- saving ----

  savePool(at: number): SavedPoolFacts {
    return {
      speeds: (this.#parts.pool ?? new PoolSpeeds()).snapshot(at),
      service: this.#service.save(at),
      length: this.#parts.lengths.poolPiece(at),
    };
  }

  saveHost(id: string, at: number): SavedHostFacts | undefined {
    const host = this.#hosts.get(id);
    return host && { speeds: host.speeds.snapshot(NO_SPEEDS, at), slots: host.slots.snapshot(NO_SLOTS, at) };
  }

  /** What is known of a model on a host, or was and still waits for the host to be seen; undefined = nothing. */
  saveRunner(hostId: string, model: string, at: number): SavedRunnerFacts | undefined {
    const runner = this.#hosts.get(hostId)?.runners.get(model);
    const saved = runner
      ? { speeds: runner.speeds.snapshot(at), slots: runner.slots.snapshot(at) }
      : this.#aged(this.#awaited.get(hostId)?.get(model), at);
    return saved && isEmpty(saved) ? undefined : saved;
  }

  /** Lengths of answers by model and by application and model, one by one. */
  lengths(at: number): Iterable<SavedModelLength | SavedPairLength> {
    return this.#parts.lengths.pieces(at);
  }

  /** Tokens per byte by model, one by one. */
  ratios(at: number): Iterable<SavedRatio> {
    return this.#parts.ratios.pieces(at);
  }

  // ---- restoring ----

  restorePool(value: unknown, at: number): void {
    const saved = new Saved(value, 'pool');
    const service = readMean(saved.field('service'));
    this.#parts.pool?.restore(saved.field('speeds').value, at, 'pool.speeds');
    this.#service.load(service, at);
  }

  restoreHost(id: string, value: unknown, at: number): void {
    const saved = new Saved(value, 'host');
    // Read the second before the first is changed.
    new HostSlots('auto').restore(saved.field('slots').value, at, 'host.slots');
    const host = this.#hostOf(id);
    host.speeds.restore(saved.field('speeds').value, at, 'host.speeds');
    host.slots.restore(saved.field('slots').value, at, 'host.slots');
  }

  /** What comes for a runner that is not there yet is kept until it is. */
  restoreRunner(hostId: string, model: string, value: unknown, at: number): void {
    const root = new Saved(value, 'runner');
    const saved = { speeds: readRunnerSpeeds(root.field('speeds')), slots: readRunnerSlots(root.field('slots')) };
    const runner = this.#hosts.get(hostId)?.runners.get(model);
    if (runner !== undefined) {
      load(runner, saved, at);
      return;
    }
    const ofHost = this.#awaited.get(hostId) ?? new Map<string, Awaited>();
    this.#awaited.set(hostId, ofHost.set(model, { saved, at }));
  }

  /** Replaces all lengths, by pieces as `lengths` gave them and the one of the pool. */
  restoreLengths(pool: unknown, pieces: readonly Readonly<Record<string, unknown>>[], at: number): void {
    const models = pieces.filter((piece) => piece['app'] === undefined);
    const pairs = pieces.filter((piece) => piece['app'] !== undefined);
    this.#parts.lengths.restore({ version: 1, pool, models, pairs }, at);
  }

  /** Replaces all ratios, by pieces as `ratios` gave them. */
  restoreRatios(models: readonly unknown[], at: number): void {
    this.#parts.ratios.restore({ version: 1, models }, at);
  }

  // ---- as runners come and go ----

  /** A runner came to be: what was saved of it holds again, its speeds only for weights of the same size. */
  adopt(runner: RunnerFacts, sizeBytes: number): void {
    const ofHost = this.#awaited.get(runner.host.id);
    const awaited = ofHost?.get(runner.model);
    if (ofHost === undefined || awaited === undefined) return;
    ofHost.delete(runner.model);
    const { saved, at } = awaited;
    if (saved.speeds.sizeBytes === sizeBytes) load(runner, saved, at);
    else runner.slots.restore(saved.slots, at);
  }

  /** What a host has is known now: of the rest nothing is awaited any more. */
  installed(hostId: string, models: ReadonlyMap<string, unknown>): void {
    const ofHost = this.#awaited.get(hostId);
    if (ofHost === undefined) return;
    for (const model of ofHost.keys()) if (!models.has(model)) ofHost.delete(model);
  }

  forgetHost(id: string): void {
    this.#awaited.delete(id);
  }

  /** The same, as it is to be saved at another time. */
  #aged(awaited: Awaited | undefined, at: number): SavedRunnerFacts | undefined {
    if (awaited === undefined) return undefined;
    const { saved } = awaited;
    const host = new PoolSpeeds().host();
    const runner = { speeds: host.runner(saved.speeds.sizeBytes), slots: new HostSlots('auto').runner() };
    load(runner, saved, awaited.at);
    return { speeds: runner.speeds.snapshot(at), slots: runner.slots.snapshot(at) };
  }
}

const load = (
  runner: { readonly speeds: LearnedSpeeds; readonly slots: LearnedSlots },
  saved: SavedRunnerFacts,
  at: number,
): void => {
  runner.speeds.restore(saved.speeds, at);
  runner.slots.restore(saved.slots, at);
};

const isEmpty = ({ speeds, slots }: SavedRunnerFacts): boolean =>
  speeds.prefill.recent === null && speeds.decode.recent === null && speeds.load === null && slots.evidence === null;
