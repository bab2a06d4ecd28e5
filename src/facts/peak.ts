import { fade } from './decayed.ts';

/** Answers are minutes apart on a calm pool: half of what went wrong is forgotten after a minute (routing-science 5.6). */
const TAU_MS = 90_000;

/** A ratio outside of this tells of a wrong prediction and not of a server. */
const LEAST = 0.1;
const MOST = 20;

/**
 * Observed over predicted, 1 = as predicted, as a peak-EWMA (Finagle's; Linkerd's with the same rule): a sample above
 * the present value is taken at once, a lower one pulls it down with 1 − e^(−Δt/τ). What is read drifts towards 1, not
 * towards 0: a server nobody asks is worth a try, and no better than the others.
 */
export class PeakRatio {
  #value = 1;
  #at = Number.NEGATIVE_INFINITY;

  /** 0.1 … 20. */
  value(at: number): number {
    return 1 + (this.#value - 1) * fade(at - this.#at, TAU_MS);
  }

  /** Anything that is no finite number is left out. */
  add(ratio: number, at: number): void {
    if (!Number.isFinite(ratio)) return;
    const sample = Math.min(MOST, Math.max(LEAST, ratio));
    if (sample > this.value(at)) this.#value = sample;
    else this.#value = sample + (this.#value - sample) * fade(at - this.#at, TAU_MS);
    this.#at = Math.max(this.#at, at);
  }
}
