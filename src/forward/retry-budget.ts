/** Retries that are always allowed within a window, however little traffic there is. */
const FLOOR = 10;
const WINDOW_MS = 60_000;

/**
 * Keeps retries from multiplying work when every backend fails: within a minute at most `ratio` of the requests, plus
 * a floor. Only failures that a backend worked for count (an answered 5xx, an error line); a dead connection cost the
 * pool nothing, so failing over from it is free and one killed server can never exhaust the budget.
 */
export class RetryBudget {
  #ratio: number;
  #windowStart = 0;
  #requests = 0;
  #retries = 0;
  #lastRequests = 0;
  #lastRetries = 0;

  /** @param ratio 0…1 */
  constructor(ratio: number) {
    this.#ratio = ratio;
  }

  configure(ratio: number): void {
    this.#ratio = ratio;
  }

  request(at: number): void {
    this.#roll(at);
    this.#requests++;
  }

  /** May one more costly retry be made? Counts it when the answer is yes. */
  take(at: number): boolean {
    this.#roll(at);
    // The previous window fades linearly, so that the limit does not jump at a window's border.
    const fade = 1 - (at - this.#windowStart) / WINDOW_MS;
    const requests = this.#requests + this.#lastRequests * fade;
    const retries = this.#retries + this.#lastRetries * fade;
    if (retries >= FLOOR + this.#ratio * requests) return false;
    this.#retries++;
    return true;
  }

  #roll(at: number): void {
    const passed = Math.floor((at - this.#windowStart) / WINDOW_MS);
    if (passed < 1) return;
    this.#lastRequests = passed === 1 ? this.#requests : 0;
    this.#lastRetries = passed === 1 ? this.#retries : 0;
    this.#requests = 0;
    this.#retries = 0;
    this.#windowStart += passed * WINDOW_MS;
  }
}
