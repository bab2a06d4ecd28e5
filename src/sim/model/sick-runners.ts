import { modelKey } from '../../core/model-name.ts';
import type { Runner } from './runner.ts';
import type { Cancel, Scheduler } from './scheduler.ts';

/** ms from the death of a runner until everybody there has heard of it (seen on 0.24). */
const DEATH_MS = 80;

export interface SickRunnersParts {
  readonly clock: Scheduler;
  readonly runners: () => Iterable<Runner>;
  /** Everybody at a dead runner has been told: so many. It is to be forgotten. */
  readonly buried: (runner: Runner, died: number) => void;
}

/** The runners of one machine that hang, or whose process is gone without the server knowing. */
export class SickRunners {
  readonly #parts: SickRunnersParts;
  /** Models, by key, whose runner hangs, or will once it is loaded, with whom to tell when that is over. */
  readonly #hung = new Map<string, () => void>();
  /** Dead runners that the server has not noticed, likewise; and those of them whose requests are about to hear of it. */
  readonly #deaths = new Map<Runner, () => void>();
  readonly #burying = new WeakSet<Runner>();

  constructor(parts: SickRunnersParts) {
    this.#parts = parts;
  }

  hang(model: string, over: () => void): Cancel {
    const key = modelKey(model);
    this.#hung.set(key, over);
    const runner = this.#named(key);
    if (runner?.loading === false) runner.hang();
    return () => {
      if (this.#hung.delete(key)) this.#named(key)?.wake();
    };
  }

  /** Over at once where there is none. */
  kill(model: string, over: () => void): void {
    const runner = this.#named(modelKey(model));
    if (runner === undefined || runner.loading) {
      over();
      return;
    }
    runner.dead = true;
    this.#deaths.set(runner, over);
    if (!runner.idle) this.#bury(runner);
  }

  /** A runner has come into memory. */
  loaded(runner: Runner): void {
    if (this.#hung.has(modelKey(runner.model.name))) runner.hang();
  }

  /** A request was given to a runner. */
  assigned(runner: Runner): void {
    if (runner.dead) this.#bury(runner);
  }

  /** A runner has left memory, and what was the matter with it is over. */
  removed(runner: Runner): void {
    const key = modelKey(runner.model.name);
    const over = [this.#deaths.get(runner), this.#hung.get(key)];
    this.#deaths.delete(runner);
    this.#hung.delete(key);
    for (const tell of over) tell?.();
  }

  /** Everybody there hears of it a moment later. */
  #bury(runner: Runner): void {
    if (this.#burying.has(runner)) return;
    this.#burying.add(runner);
    const { clock, buried } = this.#parts;
    clock.at(clock.now() + DEATH_MS, () => buried(runner, runner.die()));
  }

  #named(key: string): Runner | undefined {
    for (const runner of this.#parts.runners()) if (modelKey(runner.model.name) === key) return runner;
    return undefined;
  }
}
