import type { RunnerShape } from '../../src/core/demand.ts';
import type { FailureReason, Phase } from '../../src/core/types.ts';
import type { Timings } from '../../src/sim/model/job.ts';
import { Machine } from '../../src/sim/model/machine.ts';
import type { SimModel } from '../../src/sim/model/models.ts';
import type { Scheduler } from '../../src/sim/model/scheduler.ts';
import type { Rng } from '../../src/core/rng.ts';
import { exponential } from './draw.ts';
import type { ServerFault } from './faults.ts';
import type { ServerSpec } from './fleets.ts';
import type { ResidentView, ServerInfo } from './policy.ts';
import type { SimTurn } from './workload.ts';

/** ms until a refused connection, a 503 and a black hole's 500 are back. */
const REFUSED_MS = 1;
const BUSY_MS = 5;
const BLACK_HOLE_MS = 50;
/** ms after the first token at which an answer breaks off. */
const BREAK_MS = 500;
/** ms of silence after which any proxy gives a hung server up: the usual read timeout of proxies. */
const SILENCE_MS = 60_000;
/** ms that a look at a hung server takes before it counts as unanswered. */
const POLL_TIMEOUT_MS = 2000;
/** What those who bypass the proxy ask: a middling prompt and answer. */
const BYPASS_PROMPT_TOKENS = 800;
const BYPASS_OUTPUT_TOKENS = 150;

/** What the sender of an attempt hears; one of `done` and `failed` comes, once, unless the attempt is cancelled. */
export interface AttemptListener {
  firstToken(): void;
  done(timings: Timings): void;
  failed(reason: FailureReason, phase: Phase): void;
}

interface Attempt {
  readonly listener: AttemptListener;
  cancel: () => void;
  streaming: boolean;
  over: boolean;
}

/** A machine with a network in front of it and a schedule of faults. */
export class SimServer {
  readonly spec: ServerSpec;
  readonly machine: Machine;

  readonly #clock: Scheduler;
  readonly #rng: Rng;
  readonly #models: ReadonlyMap<string, SimModel>;
  readonly #attempts = new Set<Attempt>();
  readonly #faults: ServerFault[] = [];

  constructor(spec: ServerSpec, clock: Scheduler, rng: Rng) {
    this.spec = spec;
    this.#clock = clock;
    this.#rng = rng;
    this.#models = new Map(spec.models.map((model) => [model.name, model]));
    this.machine = new Machine({ clock, profile: spec.profile, slots: spec.slots, reuse: spec.reuse });
  }

  /** @param slotsFactor by how much the told slots are wrong; 0 = they are not told */
  info(slotsFactor: number): ServerInfo {
    const { id, models, slots, version } = this.spec;
    const told = slotsFactor === 0 ? undefined : Math.max(1, Math.round(slots * slotsFactor));
    return { id, models: new Map(models.map((model) => [model.name, model.size])), slots: told, version };
  }

  /** Takes a request; the listener hears nothing before this returns. The result takes the attempt back. */
  send(turn: SimTurn, keepAliveMs: number | undefined, listener: AttemptListener): () => void {
    const attempt: Attempt = { listener, cancel: () => undefined, streaming: false, over: false };
    this.#attempts.add(attempt);
    if (this.#has('hang') !== undefined) this.#silence(attempt);
    else if (this.#has('kill') !== undefined) this.#failIn(attempt, REFUSED_MS, 'connect', 'connect');
    else if (this.#has('black-hole') !== undefined) this.#failIn(attempt, BLACK_HOLE_MS, 'status-5xx', 'head');
    else if (this.#has('busy') !== undefined) this.#failIn(attempt, BUSY_MS, 'overloaded', 'head');
    else if (!this.#models.has(turn.model)) this.#failIn(attempt, REFUSED_MS, 'model-missing', 'head');
    else this.#submit(attempt, turn, keepAliveMs);
    return () => {
      attempt.over = true;
      this.#attempts.delete(attempt);
      attempt.cancel();
    };
  }

  /** Brings a model into memory by an empty request. */
  load(name: string, shape: RunnerShape, keepAliveMs: number | undefined, done: (loaded: boolean) => void): void {
    const model = this.#models.get(name);
    if (model === undefined || this.#broken) {
      this.#clock.at(this.#clock.now() + REFUSED_MS, () => done(false));
      return;
    }
    const options = { numCtx: shape.numCtx ?? this.spec.contextTokens };
    const request = { model, kind: 'load', prompt: [], outputTokens: 0, options, slowness: this.#slowness } as const;
    this.machine.submit(keepAliveMs === undefined ? request : { ...request, keepAliveMs }, {
      end: ({ kind }) => done(kind === 'done'),
    });
  }

  unload(name: string): void {
    const model = this.#models.get(name);
    if (model !== undefined && !this.#broken) this.machine.unload(model);
  }

  /** Looks at `/api/ps`; the answer comes at once unless a fault delays it. */
  poll(seen: (residents: readonly ResidentView[] | 'down') => void): void {
    if (this.#has('kill') !== undefined) return seen('down');
    if (this.#has('hang') !== undefined) {
      this.#clock.at(this.#clock.now() + POLL_TIMEOUT_MS, () => seen('down'));
      return;
    }
    if (this.#has('lying-ps') !== undefined) return seen([]);
    const residents = this.#residents();
    const lag = this.#has('lagging-ps');
    if (lag === undefined) return seen(residents);
    this.#clock.at(this.#clock.now() + lag.lagMs, () => seen(residents));
  }

  begin(fault: ServerFault): void {
    this.#faults.push(fault);
    switch (fault.kind) {
      case 'kill':
        this.machine.stop();
        break;
      case 'hang':
        for (const attempt of this.#attempts) {
          attempt.cancel();
          this.#silence(attempt);
        }
        break;
      case 'bypass':
        this.#bypass(fault);
        break;
      default:
    }
  }

  finish(fault: ServerFault): void {
    this.#faults.splice(this.#faults.indexOf(fault), 1);
  }

  get #broken(): boolean {
    return this.#faults.some(
      ({ kind }) => kind === 'kill' || kind === 'hang' || kind === 'black-hole' || kind === 'busy',
    );
  }

  get #slowness(): number {
    return this.#has('slow')?.factor ?? 1;
  }

  #has<K extends ServerFault['kind']>(kind: K): Extract<ServerFault, { kind: K }> | undefined {
    return this.#faults.find((fault): fault is Extract<ServerFault, { kind: K }> => fault.kind === kind);
  }

  #submit(attempt: Attempt, turn: SimTurn, keepAliveMs: number | undefined): void {
    const { demand, simModel: model, segments: prompt, outputTokens, answer } = turn;
    const options = { numCtx: demand.shape.numCtx ?? this.spec.contextTokens };
    const request = {
      model,
      kind: demand.kind,
      prompt,
      outputTokens,
      answer,
      options,
      slowness: this.#slowness,
    } as const;
    // Told of every token only where the client will leave, so that what was written for nobody is counted exactly.
    const counted = Number.isFinite(turn.patienceMs) ? { token: () => undefined } : {};
    const ticket = this.machine.submit(keepAliveMs === undefined ? request : { ...request, keepAliveMs }, {
      ...counted,
      firstToken: () => this.#firstToken(attempt),
      end: (end) => {
        if (end.kind === 'done') this.#close(attempt, () => attempt.listener.done(end.timings));
        else if (end.kind === 'busy') this.#fail(attempt, 'overloaded', 'head');
        else if (end.kind === 'stopped') this.#fail(attempt, 'reset', attempt.streaming ? 'body' : 'head');
        else if (end.kind === 'died') {
          this.#fail(attempt, attempt.streaming ? 'error-line' : 'status-5xx', attempt.streaming ? 'body' : 'head');
        }
      },
    });
    attempt.cancel = () => ticket.cancel();
  }

  #firstToken(attempt: Attempt): void {
    if (attempt.over) return;
    attempt.streaming = true;
    const error = this.#has('error');
    if (error !== undefined && this.#rng.next() < error.share) {
      const { cancel } = attempt;
      this.#clock.at(this.#clock.now() + BREAK_MS, () => {
        if (attempt.over) return;
        this.#fail(attempt, 'error-line', 'body');
        cancel();
      });
    }
    attempt.listener.firstToken();
  }

  /** Nothing more is heard of the attempt until it is given up. */
  #silence(attempt: Attempt): void {
    this.#failIn(attempt, SILENCE_MS, 'timeout', attempt.streaming ? 'body' : 'head');
  }

  #failIn(attempt: Attempt, ms: number, reason: FailureReason, phase: Phase): void {
    attempt.cancel = this.#clock.at(this.#clock.now() + ms, () => this.#fail(attempt, reason, phase));
  }

  #fail(attempt: Attempt, reason: FailureReason, phase: Phase): void {
    this.#close(attempt, () => attempt.listener.failed(reason, phase));
  }

  #close(attempt: Attempt, tell: () => void): void {
    if (attempt.over) return;
    attempt.over = true;
    this.#attempts.delete(attempt);
    tell();
  }

  #residents(): readonly ResidentView[] {
    return this.machine
      .runners()
      .filter(({ loading }) => !loading)
      .map((runner) => ({
        model: runner.model.name,
        sizeBytes: runner.memory,
        sizeVramBytes: runner.gpuBytes,
        contextLength: runner.contextLength,
        expiresAt: runner.expiresAt,
      }));
  }

  #bypass(fault: Extract<ServerFault, { kind: 'bypass' }>): void {
    let count = 0;
    const again = (): void => {
      this.#clock.at(this.#clock.now() + (exponential(this.#rng) * 1000) / fault.perSecond, () => {
        if (!this.#faults.includes(fault)) return;
        const model = this.spec.models[Math.floor(this.#rng.next() * this.spec.models.length)];
        const prompt = [{ text: `${count} of ${this.spec.id} bypass`, tokens: BYPASS_PROMPT_TOKENS }];
        const options = { numCtx: this.spec.contextTokens };
        count += 1;
        if (model !== undefined && !this.#broken) {
          const request = { model, kind: 'completion', prompt, outputTokens: BYPASS_OUTPUT_TOKENS, options } as const;
          this.machine.submit(request, { end: () => undefined });
        }
        again();
      });
    };
    again();
  }
}
