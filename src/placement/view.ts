import type { RunnerShape } from '../core/demand.ts';

/** What the planner sees of the pool at one moment. All times in ms, sizes in bytes, models in the spelling of `modelKey`. */

/** A model in a host's memory, or on its way there. */
export interface ResidentView {
  readonly model: string;
  readonly sizeBytes: number;
  /** The options that it was loaded with: a keep_alive with other ones would load it again. */
  readonly shape: RunnerShape;
  /** Until it goes by itself; Infinity = stays. Not above 0 while somebody else's request runs on it (`/api/ps`). */
  readonly expiresInMs: number;
  /** The keep_alive that it was last given, Infinity = for good; undefined = the server's own default, or not known. */
  readonly keepAliveKnownMs: number | undefined;
  /** What loading it again would take. */
  readonly loadMs: number;
  /** Requests of ours that run or wait on it. */
  readonly running: number;
  readonly loading: boolean;
  /** It is to go as soon as its running requests have ended. */
  readonly draining: boolean;
}

/** A model that a host could load. */
export interface InstalledView {
  readonly loadMs: number;
  /** It can only embed: it is loaded by another route than the rest. */
  readonly embedding: boolean;
}

/** What a load would push out. */
export interface Room {
  readonly victims: readonly string[];
  /** 0…1: how sure it is that they must go. */
  readonly chance: number;
}

export interface HostView {
  readonly id: string;
  /** Enabled, up, not draining, breaker closed. */
  readonly usable: boolean;
  /** Requests of ours that run there. */
  readonly busy: number;
  /** Requests sent there that need a load and have not come that far, ours and those seen by other signs. */
  readonly loadsPending: number;
  readonly residents: readonly ResidentView[];
  /** Undefined = not on disk there, or its breaker on this host is open. */
  installed(model: string): InstalledView | undefined;
  room(model: string, shape: RunnerShape): Room;
}

/** How much a model is wanted. */
export interface ModelView {
  readonly model: string;
  /**
   * Recent arrivals per minute. They should fade over minutes (a time constant of five is what the keeping of models is
   * tuned to): with one of 60 s a model has been forgotten by the time its keep_alive of five minutes runs out.
   */
  readonly arrivalsPerMinute: number;
  /** Estimated ms of work that waits for it in the proxy's queue. */
  readonly backlogMs: number;
  /** The options that its requests usually ask for: a copy loaded with other ones would be loaded again by the first. */
  readonly shape: RunnerShape;
}

/** The pool, without what the operator wants of it. */
export interface PoolView {
  /** Models that nobody asked for lately may be left out. */
  readonly models: readonly ModelView[];
  /** Asked for only when there may be something to do: building it costs O(hosts). */
  hosts(): readonly HostView[];
}

/** Host → the models that stay loaded there. */
export type Pins = ReadonlyMap<string, readonly string[]>;

export interface PlacementView extends PoolView {
  readonly pins: Pins;
}

export type PlacementKind = 'load' | 'renew' | 'let-go';

/** One request without a prompt to one host: `{model, keep_alive}`, with the options of `shape`. */
export interface PlacementAction {
  readonly kind: PlacementKind;
  readonly host: string;
  readonly model: string;
  readonly embedding: boolean;
  readonly shape: RunnerShape;
  /** 0 = unload; undefined = the server's default. */
  readonly keepAliveMs: number | undefined;
  /** One phrase for people. */
  readonly reason: string;
  /** What it costs: the load itself, and the reloads of what it pushes out. */
  readonly priceMs: number;
  /** What it is worth: the waiting work that the copy starts on, or the load that a later request is spared. */
  readonly gainMs: number;
  /** What the load itself takes; 0 for the others. */
  readonly loadMs: number;
  /** What the load is expected to push out. */
  readonly victims: readonly string[];
  /** It holds a pinned model, so that unpinning must take the long keep_alive back. */
  readonly pinned: boolean;
}
