/** Starts that a prediction looks back on. */
const REMEMBERED_STARTS = 16;
/** Lanes that are remembered; one more costs the one that had to wait longest ago its history. */
const MAX_LANES = 256;

/** How fast one lane has been served while somebody waited in it. */
class LaneRate {
  /** ms in which somebody waited, until `at`. */
  #waited = 0;
  #at = 0;
  #busy = false;
  /** `#waited` at each of the last starts, in a ring; the oldest one is where the look back begins. */
  readonly #marks = new Float64Array(REMEMBERED_STARTS + 1);
  #count = 1;
  #next = 1;

  busy(busy: boolean, at: number): void {
    this.#advance(at);
    this.#busy = busy;
  }

  started(at: number): void {
    this.#advance(at);
    this.#marks[this.#next] = this.#waited;
    this.#next = (this.#next + 1) % this.#marks.length;
    this.#count = Math.min(this.#count + 1, this.#marks.length);
  }

  get samples(): number {
    return this.#count - 1;
  }

  msPerStart(at: number): number {
    this.#advance(at);
    const oldest = this.#marks[this.#count < this.#marks.length ? 0 : this.#next] ?? 0;
    return (this.#waited - oldest) / this.samples;
  }

  #advance(at: number): void {
    if (this.#busy) this.#waited += Math.max(0, at - this.#at);
    this.#at = at;
  }
}

/**
 * How long a place in each lane takes to come: measured over the last starts, counting only the time in which somebody
 * waited, for how seldom an idle model is asked says nothing about how fast a busy one is served. While nobody starts
 * the time goes on, so that a lane that stands still is seen to.
 */
export class StartRates {
  readonly #lanes = new Map<string, LaneRate>();

  /** Somebody begins to wait in a lane (true), or the last one has gone (false). */
  busy(lane: string, busy: boolean, at: number): void {
    const rate = this.#lanes.get(lane) ?? new LaneRate();
    // Put last: the first one is the one to forget.
    this.#lanes.delete(lane);
    this.#lanes.set(lane, rate);
    rate.busy(busy, at);
    if (this.#lanes.size <= MAX_LANES) return;
    for (const oldest of this.#lanes.keys()) {
      this.#lanes.delete(oldest);
      return;
    }
  }

  /** Somebody started in a lane in which somebody waited. */
  started(lane: string, at: number): void {
    this.#lanes.get(lane)?.started(at);
  }

  /**
   * @param minSamples starts that the answer must rest on, ≥ 1
   * @returns ms from one start to the next; undefined where fewer were seen
   */
  msPerStart(lane: string, at: number, minSamples: number): number | undefined {
    const rate = this.#lanes.get(lane);
    return rate === undefined || rate.samples < minSamples ? undefined : rate.msPerStart(at);
  }
}
