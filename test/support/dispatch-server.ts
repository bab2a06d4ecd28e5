import type { Seen } from '../../src/backends/backend.ts';
import type { FailureReason, Phase } from '../../src/core/types.ts';
import type { Timings } from '../../src/sim/model/job.ts';
import { Machine } from '../../src/sim/model/machine.ts';
import { installModel, type SimModel } from '../../src/sim/model/models.ts';
import type { MachineProfile } from '../../src/sim/model/profile.ts';
import type { Segment } from '../../src/sim/model/prompt.ts';
import type { Scheduler } from '../../src/sim/model/scheduler.ts';
import type { Ask } from './dispatch-ask.ts';

/** ms until a refused connection and a 503 are back, and after the first token until an answer breaks off. */
const REFUSED_MS = 1;
const BUSY_MS = 5;
const BREAK_MS = 20;

/** Two that chat and one that embeds; each with 5 GB of weights, so that memory counts in models. */
export const MODELS: readonly SimModel[] = ['a:latest', 'b:latest', 'embed:latest'].map((name) => ({
  ...installModel(name === 'embed:latest' ? 'nomic-embed-text' : 'llama3.1:8b', 0),
  name,
  weights: `weights of ${name}`,
  digest: `digest of ${name}`,
  size: 5e9,
  contextLength: 4_096,
}));

const BASE: MachineProfile = {
  name: 'base',
  prefillPerSecond: 2_000,
  decodePerSecond: 50,
  loadBaseMs: 1_000,
  loadBytesPerSecond: 2e9,
  memoryBytes: 40e9,
  gpu: true,
  companySlowdown: 0.5,
};

export interface ServerPlan {
  /** OLLAMA_NUM_PARALLEL. */
  readonly slots: number;
  /** The operator told the slots. */
  readonly told: boolean;
  /** How many times as fast as the others. */
  readonly speed: number;
  /** OLLAMA_MAX_LOADED_MODELS. */
  readonly maxLoaded: number;
  /** Names of what is installed. */
  readonly models: readonly string[];
}

export type Trouble = 'dead' | 'busy' | 'breaking';

interface Listener {
  firstToken(): void;
  done(timings: Timings): void;
  failed(reason: FailureReason, phase: Phase): void;
}

/** A machine with a network in front of it, which may be in trouble. */
export class DispatchServer {
  readonly id: string;
  readonly plan: ServerPlan;
  readonly machine: Machine;
  told: boolean;
  weight = 1;
  trouble: Trouble | undefined;
  readonly #clock: Scheduler;

  constructor(id: string, plan: ServerPlan, clock: Scheduler) {
    this.id = id;
    this.plan = plan;
    this.told = plan.told;
    this.#clock = clock;
    const { speed, slots, maxLoaded } = plan;
    const profile = {
      ...BASE,
      prefillPerSecond: BASE.prefillPerSecond * speed,
      decodePerSecond: BASE.decodePerSecond * speed,
    };
    this.machine = new Machine({ clock, profile, slots, maxLoadedModels: maxLoaded });
  }

  begin(trouble: Trouble): void {
    this.trouble = trouble;
    if (trouble === 'dead') this.machine.stop();
  }

  seen(): Seen {
    if (this.trouble === 'dead') return { up: false, error: 'refused' };
    const now = this.#clock.now();
    const installed = MODELS.filter(({ name }) => this.plan.models.includes(name));
    return {
      up: true,
      version: '0.33.0',
      installed: installed.map(({ name, digest, size }) => ({ name, digest, sizeBytes: size, entry: {} })),
      loaded: this.machine
        .runners()
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

  /** Takes a request; the listener hears one end, later, unless the result takes it back first. */
  send(name: string, prompt: readonly Segment[], { outputTokens, numCtx }: Ask, listener: Listener): () => void {
    const model = MODELS.find((each) => each.name === name);
    if (model === undefined) throw new Error(`${this.id} was asked for ${name}`);
    if (this.trouble === 'dead') return this.#in(REFUSED_MS, () => listener.failed('connect', 'connect'));
    if (this.trouble === 'busy') return this.#in(BUSY_MS, () => listener.failed('overloaded', 'head'));
    let begun = false;
    let over = false;
    const end = (tell: () => void): void => {
      if (over) return;
      over = true;
      tell();
    };
    const ticket = this.machine.submit(
      {
        model,
        kind: outputTokens === 0 ? 'embedding' : 'completion',
        prompt,
        outputTokens,
        options: { numCtx: numCtx ?? 4_096 },
      },
      {
        firstToken: () => {
          if (over) return;
          begun = true;
          listener.firstToken();
          if (this.trouble !== 'breaking') return;
          this.#in(BREAK_MS, () =>
            end(() => {
              ticket.cancel();
              listener.failed('error-line', 'body');
            }),
          );
        },
        end: (result) => {
          if (result.kind === 'done') end(() => listener.done(result.timings));
          else if (result.kind === 'busy') end(() => listener.failed('overloaded', 'head'));
          else if (result.kind === 'stopped') end(() => listener.failed('reset', begun ? 'body' : 'head'));
        },
      },
    );
    return () =>
      end(() => {
        ticket.cancel();
      });
  }

  #in(ms: number, run: () => void): () => void {
    return this.#clock.at(this.#clock.now() + ms, run);
  }
}
