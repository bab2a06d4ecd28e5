import type { PriorityClass } from '../core/types.ts';
import type { QueueOrder } from './order.ts';

/** What the owner of the places does beside the walks of the gate. */
export interface GateHooks {
  /**
   * Those who lean are about to be asked again, in order: whatever was noted about where they lean is void.
   * @param lane only those of this lane; everybody if left out
   */
  readonly walkBegins: (lane: string | undefined) => void;
  /** Whether a place may be free for a lane where there is more room than before; true is always right, and slow. */
  readonly mayStart?: (lane: string, at: string) => boolean;
}

export interface GateSettings {
  /** Requests that may wait at a time, ≥ 1; those who come back from a failed backend are let in beyond it. */
  readonly maxWaiting: number;
  /** Longest wait in ms. */
  readonly maxWaitMs: number;
  /** Shares of the starts while all classes wait, > 0. */
  readonly classWeights: Readonly<Record<PriorityClass, number>>;
  /** Bytes that waiting requests may hold together; 256 MiB if left out. */
  readonly maxBytes?: number;
  /** How a tenant's own requests stand behind each other; `fifo` if left out. */
  readonly order?: QueueOrder;
  /** Whether lower classes are turned away once waits grow out of hand; true if left out. */
  readonly shed?: boolean;
  /** The median wait in ms that shedding aims at, > 0; 60 s if left out. */
  readonly targetMs?: number;
  /** ms after which a request moves up a class; 60 s if left out. */
  readonly promoteAfterMs?: number;
  readonly hooks?: GateHooks;
}

/** The settings with nothing left out. */
export type FullSettings = Required<GateSettings>;

/** Bodies are held while they wait: a quarter of a GiB is what a small container can spare. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Local models take a while: turning work away before people have waited a minute would refuse what could be served. */
const TARGET_MS = 60_000;
/** Long enough that a short rush changes nothing, short enough that nobody waits for a whole one. */
const PROMOTE_AFTER_MS = 60_000;

const NO_HOOKS: GateHooks = { walkBegins: () => {} };

/** Fills in what was left out. */
export const fullSettings = (settings: GateSettings): FullSettings => ({
  maxBytes: MAX_BYTES,
  order: 'fifo',
  shed: true,
  targetMs: TARGET_MS,
  promoteAfterMs: PROMOTE_AFTER_MS,
  hooks: NO_HOOKS,
  ...settings,
});
