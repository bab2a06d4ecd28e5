import type { Rng } from '../core/rng.ts';
import type { BreakerState, FailureReason, Outcome } from '../core/types.ts';
import { Alike, ALIKE_MS } from './alike.ts';
import type { Backend, Runner } from './backend.ts';
import {
  abandoned,
  advance,
  closedBreaker,
  failed,
  opened,
  proven,
  started,
  stateOf,
  succeeded,
  type Breaker,
} from './breaker.ts';
import {
  CAREFREE,
  disturbed,
  openMs,
  recovered,
  regaining,
  suspected,
  tripped,
  vouched,
  type BreakerRules,
  type Care,
} from './care.ts';

export interface BreakerEvents {
  breakerChanged(backend: string, model: string | undefined, from: BreakerState, to: BreakerState, why: string): void;
  /** It may be hanging: nothing more is sent to it until it has proved itself. */
  suspected?(backend: string, model: string, why: string): void;
  /** Servers begin to fail a model alike: it is the model, and none of them is blamed. */
  failsAlike?(model: string, reason: string, backends: readonly string[]): void;
}

/** What a lease knows of a request when it ends. */
export interface Trial {
  /** It was ours and no client's. */
  readonly probe: boolean;
  /** It was sent although the breaker was open. */
  readonly outOfTurn: boolean;
  /** Its end suggests that the runner hangs. */
  readonly hung: boolean;
  /** What it failed of is known, and is not to be held against the model. */
  readonly explained?: boolean;
}

interface Holder {
  breaker: Breaker;
  care: Care;
}

type Step = (breaker: Breaker, rules: BreakerRules, at: number) => Breaker;

/** Steps the breakers of servers and of models on them, and with them what is remembered beside (care.ts). */
export class Breakers {
  readonly #events: BreakerEvents;
  readonly #rng: Rng;
  readonly #alike = new Alike();
  /** The runners of a model on backends that are up. */
  readonly #serving: (model: string) => readonly Runner[];
  rules: BreakerRules;

  constructor(parts: {
    readonly events: BreakerEvents;
    readonly rng: Rng;
    readonly rules: BreakerRules;
    readonly serving: (model: string) => readonly Runner[];
  }) {
    this.#events = parts.events;
    this.#rng = parts.rng;
    this.rules = parts.rules;
    this.#serving = parts.serving;
  }

  get #adaptive(): boolean {
    return this.rules.adaptive === true;
  }

  /** A request was sent. */
  started(runner: Runner, at: number): void {
    this.#step(runner.backend, undefined, started, at, '');
    this.#step(runner.backend, runner, started, at, '');
  }

  /** It ended. */
  ended(runner: Runner, outcome: Outcome, trial: Trial, at: number): void {
    const { backend } = runner;
    switch (outcome.kind) {
      case 'served':
        this.#went(backend, undefined, trial, at);
        this.#went(backend, runner, trial, at);
        if (this.#adaptive) this.#alike.served(runner.model, backend.id);
        break;
      case 'backend-failed':
        this.#failed(runner, trial.explained === true ? { ...outcome, blame: 'none' } : outcome, trial, at);
        if (trial.hung && !trial.probe) this.#suspect(runner, outcome.message);
        break;
      case 'client-error':
        // The server is alive, but this says nothing about its ability to run the model.
        this.#went(backend, undefined, trial, at);
        this.#step(backend, runner, abandoned, at, '');
        break;
      case 'client-left':
        this.#step(backend, undefined, abandoned, at, '');
        this.#step(backend, runner, abandoned, at, '');
        break;
    }
  }

  /** All breakers of a backend are closed, and all is forgotten. */
  recover(backend: Backend, at: number): void {
    const why = 'recovered by the operator';
    for (const holder of [undefined, ...backend.runners.values()]) {
      // First: whoever is told that it closed may send something there at once.
      (holder ?? backend).care = CAREFREE;
      this.#set(backend, holder, closedBreaker, at, why);
    }
  }

  /** A request of a client moves on: whatever was suspected, it does not hang. */
  moved(runner: Runner): void {
    if (runner.breaker.state === 'closed') runner.care = vouched(runner.care);
    if (runner.backend.breaker.state === 'closed') runner.backend.care = vouched(runner.backend.care);
  }

  /** Its model cannot be tried out without a client's request, which may therefore come. */
  vouch(runner: Runner): void {
    runner.care = vouched(runner.care);
  }

  /** A look at a backend that has to prove itself went well, or did not. */
  looked(backend: Backend, well: boolean, why: string, at: number): void {
    if (well) this.#went(backend, undefined, { probe: true, outOfTurn: false, hung: false }, at);
    else this.#fail(backend, undefined, true, at, why);
  }

  #went(backend: Backend, runner: Runner | undefined, { probe, outOfTurn }: Trial, at: number): void {
    this.#step(backend, runner, outOfTurn ? proven : succeeded, at, 'answers again');
    const holder = runner ?? backend;
    if (holder.breaker.state === 'open') return;
    holder.care = vouched(probe ? holder.care : regaining(holder.care));
  }

  #failed(runner: Runner, outcome: Outcome & { kind: 'backend-failed' }, trial: Trial, at: number): void {
    const { blame, reason, message } = outcome;
    const { backend } = runner;
    // One that was suspected of hanging, and hung again when it was asked for one token: there is nothing left to find out.
    const certain = this.#adaptive && trial.probe && trial.hung && !runner.care.proved;
    if (blame === 'backend') this.#fail(backend, undefined, reason === 'connect', at, message);
    else this.#step(backend, undefined, abandoned, at, message);
    if (blame !== 'model' || this.#failsAlike(runner, reason, at)) this.#step(backend, runner, abandoned, at, message);
    else this.#fail(backend, runner, false, at, message, certain);
  }

  #failsAlike({ model, backendId }: Runner, reason: FailureReason, at: number): boolean {
    if (!this.#adaptive || model === '') return false;
    const serving = this.#serving(model);
    const alike = this.#alike.failed(model, backendId, reason, serving.length, at);
    if (alike === undefined) return false;
    if (alike.begins) this.#events.failsAlike?.(model, reason, alike.backends);
    for (const runner of serving) if (alike.backends.includes(runner.backendId)) this.#forgive(runner, at);
    return true;
  }

  /** What is now known to be the model's fault was held against this runner. */
  #forgive(runner: Runner, at: number): void {
    const { breaker } = runner;
    const blamed = breaker.state === 'open' ? at - breaker.since <= ALIKE_MS : breaker.state === 'closed';
    if (!blamed) return;
    if (breaker.state === 'open') runner.care = { ...vouched(runner.care), level: Math.max(0, runner.care.level - 1) };
    this.#set(runner.backend, runner, closedBreaker, at, 'the model fails everywhere');
  }

  #suspect(runner: Runner, why: string): void {
    if (!this.#adaptive || runner.facts === undefined || !runner.care.proved) return;
    runner.care = suspected(runner.care);
    this.#events.suspected?.(runner.backendId, runner.model, why);
  }

  /** @param certain one failure is enough */
  #fail(backend: Backend, runner: Runner | undefined, dead: boolean, at: number, why: string, certain = false): void {
    const holder: Holder = runner ?? backend;
    const now = advance(holder.breaker, this.rules, at);
    const next = certain && now.state === 'closed' ? opened(this.rules, at) : failed(now, this.rules, at);
    if (!this.#adaptive) {
      this.#set(backend, runner, next, at, why);
      return;
    }
    if (next.state !== 'open' || now.state === 'open') {
      holder.care = disturbed(holder.care, at);
      this.#set(backend, runner, next, at, why);
      return;
    }
    const lasts = openMs(holder.care, this.rules.timeout, at, this.#rng);
    holder.care = tripped(holder.care, at, lasts, dead);
    this.#set(backend, runner, opened(this.rules, at, lasts), at, why);
  }

  #step(backend: Backend, runner: Runner | undefined, step: Step, at: number, why: string): void {
    const holder: Holder = runner ?? backend;
    const now = advance(holder.breaker, this.rules, at);
    const next = step(now, this.rules, at);
    if (this.#adaptive && next.state === 'closed' && now.state !== 'closed') holder.care = recovered(holder.care);
    this.#set(backend, runner, next, at, why);
  }

  #set(backend: Backend, runner: Runner | undefined, next: Breaker, at: number, why: string): void {
    const holder: Holder = runner ?? backend;
    const from = holder.breaker.state;
    holder.breaker = next;
    const to = stateOf(next, this.rules, at);
    if (from !== to) this.#events.breakerChanged(backend.id, runner?.model, from, to, why);
  }
}
