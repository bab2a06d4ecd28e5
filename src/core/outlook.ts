/** What a ms of writing counts beside a ms until the first token: who reads along minds the start more than the rest. */
export const DECODE_WEIGHT = 0.3;

/**
 * What is foreseen for one request on each of its candidates: one column per term, one row per candidate, in the order
 * in which the candidates are ranked. Times are in ms. Columns instead of an object per candidate, because this is
 * filled for every decision; the same outlook is filled again for the next one, so whoever wants to keep it copies it.
 */
export class Outlook {
  /** Rows that are filled. */
  size = 0;
  /** Tokens of the prompt, and tokens that the answer is expected to have. */
  promptTokens = 0;
  outputTokens = 0;
  /** Share of those that is still to come on average once they have come: 0 = lengths are certain, 1 = memoryless. */
  outputExcess = 0;
  /** ms that a usual request takes in this pool from start to end. */
  serviceMs = 0;
  /** Price of a ms of work while requests queue, 0 (nobody waits) … 10 (routing-science: the shadow price µ). */
  pressure = 0;

  /** ms until it could start: 0 where a slot is free. */
  wait = new Float64Array(0);
  /** ms to load the model; 0 where it is in memory in the wanted shape. */
  load = new Float64Array(0);
  /** ms to read what is not remembered of the prompt, alone on the server, round trip included. */
  prefill = new Float64Array(0);
  /** ms to write the whole answer, alone on the server. */
  decode = new Float64Array(0);
  /** Factor ≥ 1 on reading and writing, by those who run beside it. */
  slowdown = new Float64Array(0);
  /** ms that loading the models will cost others which this one pushes out. */
  evict = new Float64Array(0);
  /** ms of delay for those who run beside it. */
  harm = new Float64Array(0);
  /** ms that reading what is not remembered takes on a usual server of the pool: what `pressure` is the price of. */
  freshWork = new Float64Array(0);
  /** Tokens of the prompt that are expected to be remembered. */
  cached = new Float64Array(0);
  /** 1 where it may be sent now, 0 where it would have to wait. */
  ready = new Uint8Array(0);
  /** ms of work that the runner has before it, and slots it has for that: what least-loaded compares. */
  backlog = new Float64Array(0);
  slots = new Float64Array(0);
  /** Observed over predicted time to first token, and time per token: 1 = as predicted, 2 = twice as slow. */
  slowFirst = new Float64Array(0);
  slowToken = new Float64Array(0);

  /** Makes room for `size` rows. What they hold is whatever the last filling left. */
  resize(size: number): void {
    this.size = size;
    if (size <= this.wait.length) return;
    const room = Math.max(16, size * 2);
    this.wait = new Float64Array(room);
    this.load = new Float64Array(room);
    this.prefill = new Float64Array(room);
    this.decode = new Float64Array(room);
    this.slowdown = new Float64Array(room);
    this.evict = new Float64Array(room);
    this.harm = new Float64Array(room);
    this.freshWork = new Float64Array(room);
    this.cached = new Float64Array(room);
    this.ready = new Uint8Array(room);
    this.backlog = new Float64Array(room);
    this.slots = new Float64Array(room);
    this.slowFirst = new Float64Array(room);
    this.slowToken = new Float64Array(room);
  }
}
