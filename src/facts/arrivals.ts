import { fade } from './decayed.ts';
import { RecentMap } from './recent-map.ts';

/** The window of the rate λ_m (routing-science 5.1): what came a minute ago counts a third. */
const USUAL_TAU_MS = 60_000;
const MINUTE_MS = 60_000;
const MOST_MODELS = 4096;

class Rate {
  readonly #tauMs: number;
  #mass = 0;
  #at = 0;

  constructor(tauMs: number) {
    this.#tauMs = tauMs;
  }

  add(at: number): void {
    this.#mass = this.left(at) + 1;
    this.#at = Math.max(this.#at, at);
  }

  left(at: number): number {
    return this.#mass === 0 ? 0 : this.#mass * fade(at - this.#at, this.#tauMs);
  }
}

/** How often each model is asked for. O(1); the models unasked longest are forgotten. */
export class Arrivals {
  readonly #tauMs: number;
  readonly #models: RecentMap<Rate>;

  /** @param tauMs in which a request fades to a third, > 0 */
  constructor(tauMs = USUAL_TAU_MS) {
    this.#tauMs = tauMs;
    this.#models = new RecentMap(MOST_MODELS, () => new Rate(tauMs));
  }

  /** Every model that was asked for, those not for long included. */
  *models(): IterableIterator<string> {
    for (const [model] of this.#models.entries()) yield model;
  }

  /** A request for the model came. */
  arrived(model: string, at: number): void {
    this.#models.use(model).add(at);
  }

  /** Requests per minute of late: Σ e^(−age/τ), which a steady rate λ makes λ·τ. */
  perMinute(model: string, at: number): number {
    return ((this.#models.peek(model)?.left(at) ?? 0) * MINUTE_MS) / this.#tauMs;
  }
}
