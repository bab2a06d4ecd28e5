import type { RunnerShape } from '../../src/core/demand.ts';
import type { Rng } from '../../src/core/rng.ts';
import type { FailureReason, Phase, Usage } from '../../src/core/types.ts';
import type { Machine } from '../../src/sim/model/machine.ts';
import type { Cancel } from '../../src/sim/model/scheduler.ts';
import type { ServerSpec } from './fleets.ts';
import type { SimJob, SimTurn } from './workload.ts';

/** A server as its operator and `/api/tags` describe it. */
export interface ServerInfo {
  readonly id: string;
  /** Installed models and the bytes of their weights. */
  readonly models: ReadonlyMap<string, number>;
  /** Slots per model if the operator told them; undefined = to be found out. */
  readonly slots: number | undefined;
  readonly version: string;
}

/** One line of `/api/ps`. A model that is still loading is not listed. */
export interface ResidentView {
  readonly model: string;
  readonly sizeBytes: number;
  readonly sizeVramBytes: number;
  readonly contextLength: number;
  /** ms of virtual time; Infinity = stays. */
  readonly expiresAt: number;
}

/** For runs with perfect knowledge only: an honest policy never asks. */
export interface Truth {
  turn(job: SimJob): SimTurn;
  machine(serverId: string): Machine;
  server(serverId: string): ServerSpec;
}

/** What a policy can do. Everything is synchronous, and no call calls the policy back before it returns. */
export interface WorldView {
  readonly servers: readonly ServerInfo[];
  readonly rng: Rng;
  readonly truth: Truth;
  /** ms of virtual time. */
  now(): number;
  /** Runs something once, later. */
  at(timeMs: number, run: () => void): Cancel;
  /**
   * Dispatches a request that waits at the policy. `keepAliveMs` overrides how long the model stays afterwards.
   * Throws if the request is on its way already, has ended, or the server is unknown.
   */
  send(job: SimJob, serverId: string, keepAliveMs?: number): void;
  /** Ends a request that waits at the policy: the client gets an error. */
  refuse(job: SimJob, why: string): void;
  /** Takes an attempt back before its first token; `ended` is not called, and the request waits at the policy again. */
  abandon(job: SimJob): void;
  /** Sends an empty request that only brings a model into memory; `done` hears whether it came to that. */
  load(
    serverId: string,
    model: string,
    shape: RunnerShape,
    keepAliveMs: number | undefined,
    done: (loaded: boolean) => void,
  ): void;
  /** Asks a server to let a model go once it is idle. */
  unload(serverId: string, model: string): void;
}

/** What an attempt came to. Times in ms since its dispatch. */
export type AttemptEnd =
  | { readonly kind: 'served'; readonly usage: Usage; readonly firstTokenMs: number; readonly totalMs: number }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly phase: Phase; readonly ms: number }
  | { readonly kind: 'left'; readonly ms: number };

/**
 * A way to route, driven by events. After `arrive` a request waits at the policy until it is sent, refused, or its
 * client leaves. An attempt that failed before the first token waits at the policy again; one that failed later is
 * over, as its client has seen part of the answer.
 */
export interface SimPolicy {
  readonly name: string;
  /** Called once, before anything else. */
  start(world: WorldView): void;
  arrive(job: SimJob): void;
  firstToken(job: SimJob, serverId: string): void;
  /** `serverId` is undefined for a client that left while its request waited at the policy. */
  ended(job: SimJob, serverId: string | undefined, result: AttemptEnd): void;
  /** A look at a server: what is in memory, or that it did not answer. */
  polled(serverId: string, residents: readonly ResidentView[] | 'down', version: string): void;
}
