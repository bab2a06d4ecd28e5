/** A limit "per minute" holds in any 60 seconds, not in calendar minutes: two of those would let in twice as many. */
export const WINDOW_MS = 60_000;
/**
 * Entries that are kept at most, and so the highest number of requests per minute that can be held exactly. More than a
 * process of this proxy serves in a minute; 1.6 MB once it is in use.
 */
export const MOST_ENTRIES = 100_000;
const START_SIZE = 16;
/** Saved entries are put together in steps of this many ms, each at the end of its step: never let out too early. */
const SAVED_STEP_MS = 100;

/** Amounts and how long ago they were counted: [ms ago, amount]. */
export type SavedLog = readonly (readonly [ageMs: number, amount: number])[];

/**
 * What was counted in the last minute, requests (each as 1) or tokens: a sliding window log. Of the usual ways to count it
 * is the one that is exact both ways: a token bucket lets in up to twice its limit in one minute (what it had saved and
 * what flows in), and a fixed window the same at its edge, while a sliding counter refuses some that are within the limit.
 * Adding and reading is O(1) over time; memory grows with what is really used, up to the bound.
 */
export class MinuteLog {
  /** Rings, oldest first from `#first` on; their length is a power of two. */
  #times = new Float64Array(START_SIZE);
  #amounts = new Float64Array(START_SIZE);
  #first = 0;
  #size = 0;
  #sum = 0;

  /** What was counted within the minute before `at`, which never goes back. */
  sum(at: number): number {
    while (this.#size > 0 && this.#time(0) + WINDOW_MS <= at) this.#dropFirst();
    return this.#sum;
  }

  /** @param amount > 0 */
  add(amount: number, at: number): void {
    this.sum(at);
    this.#push(amount, at);
  }

  /** When at least `amount` of what counts now will have left; `at` for none, Infinity when there is not so much. */
  freedAt(amount: number, at: number): number {
    if (amount > this.sum(at)) return Infinity;
    let left = amount;
    for (let index = 0; left > 0 && index < this.#size; index++) {
      left -= this.#amount(index);
      if (left <= 0) return this.#time(index) + WINDOW_MS;
    }
    return at;
  }

  /** When nothing will count any more if no more comes; `at` when nothing does. */
  emptyAt(at: number): number {
    return this.sum(at) === 0 ? at : this.#time(this.#size - 1) + WINDOW_MS;
  }

  save(at: number): SavedLog {
    this.sum(at);
    const steps = new Map<number, number>();
    for (let index = 0; index < this.#size; index++) {
      const ageMs = Math.floor((at - this.#time(index)) / SAVED_STEP_MS) * SAVED_STEP_MS;
      steps.set(ageMs, (steps.get(ageMs) ?? 0) + this.#amount(index));
    }
    return [...steps];
  }

  /** Adds what was saved as of `savedAt`, ahead of everything that was counted here. */
  restore(saved: SavedLog, savedAt: number, at: number): void {
    this.sum(at);
    const since = Array.from({ length: this.#size }, (_, index) => [this.#time(index), this.#amount(index)] as const);
    this.#size = 0;
    this.#sum = 0;
    const old = saved.map(([ageMs, amount]) => [Math.min(at, savedAt - ageMs), amount] as const);
    for (const [time, amount] of [...old, ...since].sort((a, b) => a[0] - b[0])) {
      if (amount > 0) this.#push(amount, time);
    }
  }

  #push(amount: number, time: number): void {
    this.#sum += amount;
    if (this.#size === MOST_ENTRIES) {
      // Counted with the newest, as of now: longer than it should be, never shorter.
      const last = this.#slot(this.#size - 1);
      this.#amounts[last] = (this.#amounts[last] ?? 0) + amount;
      this.#times[last] = time;
      return;
    }
    if (this.#size === this.#times.length) this.#grow();
    const slot = this.#slot(this.#size);
    this.#times[slot] = time;
    this.#amounts[slot] = amount;
    this.#size++;
  }

  #slot(index: number): number {
    return (this.#first + index) & (this.#times.length - 1);
  }

  #time(index: number): number {
    return this.#times[this.#slot(index)] ?? 0;
  }

  #amount(index: number): number {
    return this.#amounts[this.#slot(index)] ?? 0;
  }

  #dropFirst(): void {
    this.#sum -= this.#amount(0);
    this.#first = this.#slot(1);
    this.#size--;
  }

  #grow(): void {
    const length = this.#times.length * 2;
    const times = new Float64Array(length);
    const amounts = new Float64Array(length);
    for (let index = 0; index < this.#size; index++) {
      times[index] = this.#time(index);
      amounts[index] = this.#amount(index);
    }
    this.#times = times;
    this.#amounts = amounts;
    this.#first = 0;
  }
}
