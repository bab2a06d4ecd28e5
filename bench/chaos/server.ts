import type { Seen } from '../../src/backends/backend.ts';
import type { Blame, FailureReason, Phase } from '../../src/core/types.ts';
import type { Timings } from '../../src/sim/model/job.ts';
import { Machine } from '../../src/sim/model/machine.ts';
import type { SimModel } from '../../src/sim/model/models.ts';
import type { MachineProfile } from '../../src/sim/model/profile.ts';
import type { Segment } from '../../src/sim/model/prompt.ts';
import type { Scheduler } from '../../src/sim/model/scheduler.ts';
import type { Chance } from './chance.ts';
import { BROKEN, SILENT, type Fault, type FaultKind } from './mishaps.ts';
import type { ServerPlan } from './plans.ts';
import type { ProxyTime } from './proxy-time.ts';

/** ms of a round trip, and until an answer that costs the server nothing is back. */
const REFUSED_MS = 1;
const BUSY_MS = 5;
const ERROR_MS = 50;
/** ms between the first token and the end of an answer that breaks off. */
const BREAK_MS = 20;
/** As the proxy's pools: ms until a connection that nobody answers is given up. */
const CONNECT_MS = 5_000;
/** Connections that were dead for longer than this do not come back. */
const LONGEST_DEAD_MS = 60_000;

/** A middling card. */
const BASE: MachineProfile = {
  name: 'chaos',
  prefillPerSecond: 2_000,
  decodePerSecond: 50,
  loadBaseMs: 1_000,
  loadBytesPerSecond: 2e9,
  memoryBytes: 0,
  gpu: true,
  companySlowdown: 0.3,
};

/** What a request asks of a server. */
export interface Job {
  readonly model: SimModel;
  readonly kind: 'completion' | 'embedding' | 'load';
  readonly prompt: readonly Segment[];
  readonly outputTokens: number;
  readonly numCtx: number | undefined;
  readonly keepAliveMs: number | undefined;
  /** The runner dies of it. */
  readonly poison: boolean;
}

/** How an attempt failed, as the proxy would classify it. */
export interface Failure {
  readonly reason: FailureReason;
  readonly phase: Phase;
  readonly blame: Blame;
}

export interface Listener {
  firstToken(): void;
  done(timings: Timings): void;
  failed(failure: Failure): void;
}

interface Attempt {
  readonly job: Job;
  readonly listener: Listener;
  /** Nothing more is to be said of it. */
  over: boolean;
  begun: boolean;
  /** What it has to say once packets pass again. */
  readonly held: (() => void)[];
  /** The server has not got it yet. */
  waits: 'connection' | 'runner' | undefined;
  cancel: () => void;
}

const NOTHING_DONE: Timings = {
  loadMs: 0,
  slotWaitMs: 0,
  promptTokens: 0,
  cachedTokens: 0,
  prefillMs: 0,
  outputTokens: 0,
  decodeMs: 0,
  totalMs: 0,
};

const RESET: Failure = { reason: 'reset', phase: 'head', blame: 'backend' };
const CUT: Failure = { reason: 'cut-stream', phase: 'body', blame: 'model' };
const REFUSED: Failure = { reason: 'connect', phase: 'connect', blame: 'backend' };
const BUSY: Failure = { reason: 'overloaded', phase: 'head', blame: 'none' };
const MISSING: Failure = { reason: 'model-missing', phase: 'head', blame: 'none' };
const ERROR_500: Failure = { reason: 'status-5xx', phase: 'head', blame: 'model' };

/** A machine, the network in front of it, and everything that can be the matter with both. */
export class ChaosServer {
  readonly plan: ServerPlan;
  readonly machine: Machine;
  /** The operator's word, by configuration. */
  told: boolean;
  weight = 1;
  configured = true;
  readonly faults = new Map<FaultKind, Fault>();
  readonly #since = new Map<FaultKind, number>();
  readonly #attempts = new Set<Attempt>();
  readonly #world: Scheduler;
  readonly #time: ProxyTime;
  readonly #chance: Chance;

  constructor(plan: ServerPlan, world: Scheduler, time: ProxyTime, chance: Chance) {
    this.plan = plan;
    this.told = plan.told;
    this.#world = world;
    this.#time = time;
    this.#chance = chance;
    const { speed, slots, maxLoaded, memoryBytes } = plan;
    this.machine = new Machine({
      clock: world,
      profile: {
        ...BASE,
        memoryBytes,
        prefillPerSecond: BASE.prefillPerSecond * speed,
        decodePerSecond: BASE.decodePerSecond * speed,
      },
      slots,
      maxLoadedModels: maxLoaded,
    });
  }

  get id(): string {
    return this.plan.id;
  }

  /** It would answer a request for this model well, if it came now. */
  answers(model: SimModel): boolean {
    for (const kind of this.faults.keys()) if (BROKEN.has(kind)) return false;
    if (this.#hung(model)) return false;
    return this.#has(model);
  }

  /** Packets of answers that were begun pass. */
  get flows(): boolean {
    return !this.#silent;
  }

  // ---- faults ----

  begin(fault: Fault): void {
    if (this.faults.has(fault.kind)) return;
    this.faults.set(fault.kind, fault);
    this.#since.set(fault.kind, this.#world.now());
    if (fault.kind === 'kill') this.machine.stop();
    if (fault.kind === 'kill' || fault.kind === 'hang') this.#lose(fault.kind === 'kill');
  }

  mend(kind: FaultKind): void {
    if (!this.faults.delete(kind)) return;
    const dead = this.#world.now() - (this.#since.get(kind) ?? 0);
    if (kind === 'hang') {
      this.machine.stop();
      for (const attempt of [...this.#attempts]) this.#breaks(attempt);
    }
    if (this.#silent) return;
    const lost = SILENT.has(kind) && (dead > LONGEST_DEAD_MS || this.#chance.yes(0.3));
    // A copy: whoever is told of a failure may send something here at once.
    for (const attempt of [...this.#attempts]) {
      if (lost) this.#breaks(attempt);
      else this.#resume(attempt, kind);
    }
  }

  /** Requests that were on their way to a process that is gone, or says nothing. */
  #lose(refused: boolean): void {
    for (const attempt of [...this.#attempts]) {
      attempt.waits = undefined;
      if (refused) this.#breaks(attempt);
    }
  }

  #resume(attempt: Attempt, kind: FaultKind): void {
    const { held } = attempt;
    for (const tell of held.splice(0)) tell();
    if (attempt.over) {
      this.#attempts.delete(attempt);
      attempt.cancel();
      return;
    }
    if (attempt.waits === 'connection' && SILENT.has(kind)) this.#arrive(attempt);
    else if (attempt.waits === 'runner' && kind === 'wedged-loads') this.#arrive(attempt);
    else if (attempt.waits === 'runner' && kind === 'hung-runner') this.#fail(attempt, ERROR_500);
  }

  #breaks(attempt: Attempt): void {
    attempt.held.length = 0;
    attempt.cancel();
    if (attempt.over) this.#attempts.delete(attempt);
    else this.#fail(attempt, attempt.begun ? CUT : RESET);
  }

  get #silent(): boolean {
    for (const kind of this.faults.keys()) if (SILENT.has(kind)) return true;
    return false;
  }

  #hung(model: SimModel): boolean {
    const fault = this.faults.get('hung-runner');
    return fault?.kind === 'hung-runner' && fault.model === model;
  }

  #has(model: SimModel): boolean {
    const fault = this.faults.get('deleted');
    return this.plan.models.includes(model) && !(fault?.kind === 'deleted' && fault.model === model);
  }

  // ---- looks ----

  /** Version, tags and ps. `seen` is told once, at the latest after `timeoutMs`. */
  look(timeoutMs: number, seen: (what: Seen) => void): void {
    if (this.#silent) {
      this.#time.schedule(timeoutMs, () => seen(this.#silent ? { up: false, error: 'timed out' } : this.#seen()));
      return;
    }
    this.#world.at(this.#world.now() + REFUSED_MS, () => {
      const what = this.#seen();
      this.#time.reach(() => seen(what));
    });
  }

  #seen(): Seen {
    if (this.faults.has('kill')) return { up: false, error: 'refused' };
    const now = this.#world.now();
    const lies = this.faults.has('lying-ps');
    return {
      up: true,
      version: '0.33.0',
      installed: this.plan.models
        .filter((model) => this.#has(model))
        .map(({ name, digest, size }) => ({ name, digest, sizeBytes: size, entry: {} })),
      loaded: (lies ? [] : this.machine.runners())
        .filter(({ loading }) => !loading)
        .map(({ model, memory, gpuBytes, contextLength, expiresAt, running, waiting }) => ({
          name: model.name,
          sizeBytes: memory,
          vramBytes: gpuBytes,
          contextLength,
          digest: model.digest,
          // A server refreshes it only when a request ends.
          expiresInMs: running + waiting > 0 ? Math.min(0, expiresAt - now) : expiresAt - now,
          entry: {},
        })),
    };
  }

  // ---- requests ----

  /** Takes a request; the listener hears nothing before this returns. The result takes it back. */
  send(job: Job, listener: Listener): () => void {
    const attempt: Attempt = {
      job,
      listener,
      over: false,
      begun: false,
      held: [],
      waits: undefined,
      cancel: () => {},
    };
    this.#attempts.add(attempt);
    if (!this.#silent) this.#arrive(attempt);
    else if (this.faults.has('partition') && this.#chance.yes(0.5)) {
      // No connection is open: this one is never made.
      this.#time.schedule(CONNECT_MS, () => this.#over(attempt, () => listener.failed(REFUSED)));
    } else {
      // On a connection that was open, or that the system takes for the process.
      attempt.waits = 'connection';
    }
    return () => {
      attempt.over = true;
      // That nobody wants it any more is known there once packets pass again.
      if (this.#silent) return;
      this.#attempts.delete(attempt);
      attempt.cancel();
    };
  }

  #arrive(attempt: Attempt): void {
    const { job } = attempt;
    attempt.waits = undefined;
    if (this.faults.has('kill')) this.#failIn(attempt, REFUSED_MS, REFUSED);
    else if (this.faults.has('busy')) this.#failIn(attempt, BUSY_MS, BUSY);
    else if (this.faults.has('black-hole')) this.#failIn(attempt, ERROR_MS, ERROR_500);
    else if (!this.#has(job.model)) this.#failIn(attempt, REFUSED_MS, MISSING);
    else if (this.#hung(job.model)) attempt.waits = 'runner';
    else if (this.faults.has('wedged-loads') && !this.#holds(job.model)) attempt.waits = 'runner';
    else if (job.poison) this.#failIn(attempt, ERROR_MS, ERROR_500);
    else this.#submit(attempt);
  }

  #holds(model: SimModel): boolean {
    return this.machine.runners().some((runner) => runner.model === model && !runner.loading);
  }

  #submit(attempt: Attempt): void {
    const { model, kind, prompt, outputTokens, numCtx, keepAliveMs } = attempt.job;
    if (kind === 'load' && keepAliveMs === 0) {
      // It loads nothing, and answers at once.
      this.machine.unload(model);
      attempt.cancel = this.#world.at(this.#world.now() + REFUSED_MS, () =>
        this.#tell(attempt, () => this.#over(attempt, () => attempt.listener.done(NOTHING_DONE))),
      );
      return;
    }
    const slow = this.faults.get('slow');
    const ticket = this.machine.submit(
      {
        model,
        kind,
        prompt,
        outputTokens,
        options: { numCtx: numCtx ?? 4_096 },
        slowness: slow?.kind === 'slow' ? slow.factor : 1,
        ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
      },
      {
        firstToken: () => this.#firstToken(attempt),
        end: (end) => {
          if (end.kind === 'done')
            this.#tell(attempt, () => this.#over(attempt, () => attempt.listener.done(end.timings)));
          else if (end.kind === 'busy') this.#fail(attempt, BUSY);
          else if (end.kind === 'stopped') this.#fail(attempt, attempt.begun ? CUT : RESET);
        },
      },
    );
    attempt.cancel = () => ticket.cancel();
  }

  #firstToken(attempt: Attempt): void {
    const line = this.faults.get('error-line');
    if (line?.kind === 'error-line' && line.first) {
      attempt.cancel();
      this.#fail(attempt, { reason: 'error-line', phase: 'first-byte', blame: 'model' });
      return;
    }
    attempt.begun = true;
    this.#tell(attempt, () => attempt.listener.firstToken());
    if (line === undefined && !this.faults.has('cut')) return;
    this.#world.at(this.#world.now() + BREAK_MS, () => {
      if (!this.#attempts.has(attempt)) return;
      attempt.cancel();
      this.#fail(attempt, line === undefined ? CUT : { reason: 'error-line', phase: 'body', blame: 'model' });
    });
  }

  #failIn(attempt: Attempt, ms: number, failure: Failure): void {
    attempt.cancel = this.#world.at(this.#world.now() + ms, () => this.#fail(attempt, failure));
  }

  #fail(attempt: Attempt, failure: Failure): void {
    this.#tell(attempt, () => this.#over(attempt, () => attempt.listener.failed(failure)));
  }

  /** Says it to the proxy, once packets pass and the process runs. */
  #tell(attempt: Attempt, run: () => void): void {
    if (this.#silent) attempt.held.push(run);
    else {
      this.#time.reach(() => {
        if (!attempt.over) run();
      });
    }
  }

  #over(attempt: Attempt, tell: () => void): void {
    if (attempt.over) return;
    attempt.over = true;
    this.#attempts.delete(attempt);
    tell();
  }
}
