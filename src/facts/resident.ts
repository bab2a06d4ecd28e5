import type { RunnerShape } from '../core/demand.ts';
import type { ResidentModel } from './types.ts';

/** OLLAMA_KEEP_ALIVE unless set: 5 minutes from the end of the last request. */
export const DEFAULT_KEEP_ALIVE_MS = 300_000;

/** One model of a `/api/ps` answer. */
export interface SeenModel {
  /** In the spelling of `modelKey`. */
  readonly model: string;
  readonly digest: string;
  /** Memory in use; `vramBytes` of it on GPUs. */
  readonly sizeBytes: number;
  readonly vramBytes: number;
  /** Tokens of one slot; undefined = the server is too old to tell. */
  readonly contextLength: number | undefined;
  /** From now on; ≤ 0 while a request runs (the server refreshes it only at the end), Infinity = stays. */
  readonly expiresInMs: number;
}

/** `guess`: nothing speaks against it. */
export type Match = 'yes' | 'guess' | 'no';

/** Bytes of the memory that models contend for. A model that does not fit on a GPU fills it, and spills the rest. */
export const occupiedBy = ({ sizeBytes, vramBytes }: Pick<SeenModel, 'sizeBytes' | 'vramBytes'>): number =>
  vramBytes > 0 ? vramBytes : sizeBytes;

/** What is believed of one runner of a host: the model that it was loaded for, in which shape, until when. */
export class Resident implements ResidentModel {
  readonly model: string;
  digest: string;
  sizeBytes = 0;
  vramBytes = 0;
  /** Tokens; undefined while it loads with the server's default, and that is not known. */
  contextLength: number | undefined;
  expiresAt = 0;
  keepAliveMs = DEFAULT_KEEP_ALIVE_MS;

  /** The shape it was started in by us; undefined = by somebody else, or not known. */
  shape: RunnerShape | undefined;
  /** The name our last request used: two names may share the weights. */
  sentAs: string;
  /** Our requests under way. */
  running = 0;

  /** A request of ours makes the server load it now. */
  loading = false;
  /** The server may go on listing the runner that this load replaces. */
  replaces = false;
  /** Its context is to be taken from the next look as it is. */
  fresh = true;
  /** `shape` was sent on a guess that the runner has it; `answered`: and there was an answer. */
  doubt = false;
  answered = false;
  /** Believed to be on its way out until a look says otherwise, pushed out by this one; itself = its load was given up. */
  pushedBy: Resident | undefined;

  /** On the Clock: looks asked for before say nothing about whether it is in memory, or about its expiry. */
  changedAt = Number.NEGATIVE_INFINITY;
  endedAt = Number.NEGATIVE_INFINITY;
  /** When it would go, by the last look since our last request: a later time is somebody else's doing. NaN = no such look. */
  toldExpiry = Number.NaN;
  /** Its process has died, whatever the server lists: the next request makes it load the model. */
  dead = false;

  constructor(model: string, digest: string) {
    this.model = model;
    this.digest = digest;
    this.sentAs = model;
  }

  get occupied(): number {
    return occupiedBy(this);
  }

  present(at: number): boolean {
    if (this.pushedBy !== undefined || this.dead) return false;
    return this.loading || this.running > 0 || this.expiresAt > at;
  }

  isBusy(busy: (model: string) => boolean): boolean {
    return this.running > 0 || busy(this.model) || busy(this.sentAs);
  }

  /** A request of ours makes the server load it in this shape. */
  load(shape: RunnerShape, sizeBytes: number, contextLength: number | undefined, at: number): void {
    this.shape = shape;
    this.sizeBytes = sizeBytes;
    this.vramBytes = 0;
    this.contextLength = contextLength;
    this.keepAliveMs = DEFAULT_KEEP_ALIVE_MS;
    this.expiresAt = at + this.keepAliveMs;
    this.loading = true;
    this.fresh = true;
    this.doubt = false;
    this.pushedBy = undefined;
    this.dead = false;
    this.changedAt = at;
  }

  startedIn({ numCtx, rest }: RunnerShape): boolean {
    return this.shape !== undefined && this.shape.numCtx === numCtx && this.shape.rest === rest;
  }

  /**
   * Whether a request would run on it without a reload (`needsReload` in server/sched.go: options are compared after
   * filling in defaults and clamping, so the number we once asked for is as good as the one that became of it).
   */
  matches({ numCtx, rest }: RunnerShape, defaultContext: number | undefined): Match {
    const { shape, contextLength } = this;
    if ((shape?.rest ?? '') !== rest) return 'no';
    if (numCtx !== undefined) {
      if (numCtx === contextLength || numCtx === shape?.numCtx) return 'yes';
      return shape === undefined && contextLength === undefined ? 'guess' : 'no';
    }
    if (shape !== undefined && shape.numCtx === undefined) return this.doubt ? 'guess' : 'yes';
    if (defaultContext === undefined) return 'guess';
    return defaultContext === contextLength ? 'yes' : 'no';
  }
}
