/** OLLAMA_MAX_LOADED_MODELS is 3 per GPU, and 3 on a CPU, unless set (server/sched.go, v0.33): no doubt up to there. */
const USUAL_COUNT = 3;

/** A quantity of which some total was seen to fit, and some greater one seen not to. */
class Bound {
  proven: number;
  exceeded = Number.POSITIVE_INFINITY;
  readonly #undoubted: number;

  /**
   * @param proven fits in any case
   * @param undoubted up to here nobody doubts while nothing was seen not to fit
   */
  constructor(proven: number, undoubted: number) {
    this.proven = proven;
    this.#undoubted = undoubted;
  }

  fitted(total: number): void {
    this.proven = Math.max(this.proven, total);
    if (this.proven >= this.exceeded) this.exceeded = Number.POSITIVE_INFINITY;
  }

  /** @param rest what was left of it and fits */
  burst(total: number, rest: number): void {
    this.exceeded = Math.min(this.exceeded, total);
    if (this.proven >= this.exceeded) this.proven = Math.min(rest, this.exceeded);
  }

  chance(total: number): number {
    const { proven, exceeded } = this;
    if (total <= proven) return 0;
    if (total >= exceeded) return 1;
    // Hope costs one eviction and is taught by it; caution would leave memory empty for good.
    if (exceeded === Number.POSITIVE_INFINITY) return 0;
    return (total - proven) / (exceeded - proven);
  }

  /** What is aimed at when room must be made. */
  get target(): number {
    return this.exceeded === Number.POSITIVE_INFINITY
      ? Math.max(this.proven, this.#undoubted)
      : (this.proven + this.exceeded) / 2;
  }
}

/** For people. `exceeded` is undefined while nothing was seen not to fit. */
export interface CapacityEstimates {
  readonly configuredBytes: number | undefined;
  readonly provenBytes: number;
  readonly exceededBytes: number | undefined;
  readonly provenCount: number;
  readonly exceededCount: number | undefined;
}

/**
 * How much fits into one server's memory, in bytes and in models. Ollama says neither, so both are learned: what was seen
 * in memory together fits; where something had to go for something else, the total did not. Bytes may be configured.
 */
export class LearnedCapacity {
  #configured: number | undefined;
  readonly #bytes = new Bound(0, 0);
  readonly #count = new Bound(1, USUAL_COUNT);

  /** @param bytes > 0; 'auto' = learn it */
  constructor(bytes: number | 'auto') {
    this.configure(bytes);
  }

  /** What was learned stays. */
  configure(bytes: number | 'auto'): void {
    this.#configured = bytes === 'auto' ? undefined : bytes;
  }

  /** So much was seen in memory at one time. */
  fitted(bytes: number, count: number): void {
    this.#bytes.fitted(bytes);
    this.#count.fitted(count);
  }

  /**
   * So much did not fit together: something was pushed out. Which of the two limits it was is told by what was proven
   * before; where that does not tell, both are taken for reached until the contrary is seen.
   * @param restBytes @param restCount what was left of it
   */
  burst(bytes: number, count: number, restBytes: number, restCount: number): void {
    const bytesFit = bytes <= (this.#configured ?? this.#bytes.proven);
    const countFits = count <= this.#count.proven;
    if (!bytesFit || countFits) this.#bytes.burst(bytes, restBytes);
    if (!countFits || bytesFit) this.#count.burst(count, restCount);
  }

  /** 0…1: how sure it is that so much does not fit. */
  chance(bytes: number, count: number): number {
    const byBytes = this.#configured === undefined ? this.#bytes.chance(bytes) : Number(bytes > this.#configured);
    return Math.max(byBytes, this.#count.chance(count));
  }

  /** Whether so much is what one would unload down to. */
  comfortable(bytes: number, count: number): boolean {
    return bytes <= (this.#configured ?? this.#bytes.target) && count <= this.#count.target;
  }

  estimates(): CapacityEstimates {
    return {
      configuredBytes: this.#configured,
      provenBytes: this.#bytes.proven,
      exceededBytes: finite(this.#bytes.exceeded),
      provenCount: this.#count.proven,
      exceededCount: finite(this.#count.exceeded),
    };
  }
}

const finite = (value: number): number | undefined => (value === Number.POSITIVE_INFINITY ? undefined : value);
