/** Step in logarithms: a tenth to follow changes, and the first samples take larger ones to get near. */
const STEP = 0.1;

/**
 * A quantile of a stream of positive numbers, kept as one number: a sample above it moves it up by a step times p, one
 * below down by a step times 1 − p, which balances where a share of p lies below (Robbins–Monro). The steps are factors,
 * so that it needs to know no scale.
 */
export class QuantileStep {
  /** 0 before the first sample. */
  value = 0;
  readonly #p: number;

  /** @param p between 0 and 1 */
  constructor(p: number) {
    this.#p = p;
  }

  /** @param samples how many came before, for the size of the step; 0 = start from this one */
  add(sample: number, samples: number): void {
    if (this.value <= 0 || samples === 0) {
      this.value = sample;
      return;
    }
    const step = Math.max(STEP, 1 / Math.sqrt(1 + samples));
    this.value *= Math.exp(step * (sample > this.value ? this.#p : this.#p - 1));
  }
}
