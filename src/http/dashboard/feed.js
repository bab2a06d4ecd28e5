import { Refused, request } from './api.js';

/** The proxy sends at least a comment every 15 s. */
const SILENCE_MS = 40_000;
const LONGEST_WAIT_S = 15;

/** One event from its lines; undefined for a comment. */
const parse = (block) => {
  let event = '';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
  return data === '' ? undefined : { event, data: JSON.parse(data) };
};

/**
 * Reads the events of the proxy for as long as the page is open. Not by EventSource, which cannot send a token.
 * @param onEvent called with each event @param onState called with `live`, `lost` and the seconds to the next try, or
 *   `refused` and why
 */
export class Feed {
  #onEvent;
  #onState;
  #abort;
  #wake;
  #failures = 0;

  constructor(onEvent, onState) {
    this.#onEvent = onEvent;
    this.#onState = onState;
  }

  async run() {
    for (;;) {
      try {
        await this.#read();
        this.#failures = 0;
        this.#onState('lost', 1);
      } catch (error) {
        this.#failures++;
        if (error instanceof Refused && error.status !== 503) {
          this.#onState('refused', error.message);
          await this.#pause(0);
          continue;
        }
      }
      const seconds = Math.min(LONGEST_WAIT_S, 2 ** Math.min(this.#failures, 4));
      for (let left = seconds; left > 0; left--) {
        this.#onState('lost', left);
        if (await this.#pause(1_000)) break;
      }
    }
  }

  /** Tries again at once. */
  retry() {
    this.#wake?.();
  }

  /** @param ms 0 = until somebody says so @returns whether it was woken */
  #pause(ms) {
    return new Promise((resolve) => {
      this.#wake = () => resolve(true);
      if (ms > 0) setTimeout(() => resolve(false), ms);
    });
  }

  async #read() {
    this.#abort = new AbortController();
    let watchdog;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => this.#abort.abort(), SILENCE_MS);
    };
    try {
      const { body } = await request('events', { signal: this.#abort.signal });
      alive();
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop();
        for (const block of blocks) {
          const found = parse(block);
          if (found === undefined) continue;
          this.#failures = 0;
          this.#onState('live');
          this.#onEvent(found.event, found.data);
        }
      }
    } finally {
      clearTimeout(watchdog);
      this.#abort.abort();
    }
  }
}
