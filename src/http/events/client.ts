import type { ServerResponse } from 'node:http';

/**
 * Bytes that may wait for a reader before it misses changes: what a phone on a bad line takes in a few seconds. What it
 * holds at most is this, a snapshot and one set of changes.
 */
const MOST_BYTES = 256 * 1024;

/** Beats in a row with bytes that do not move, after which a reader is taken for gone: a minute at a beat of 15 s. */
const MOST_SILENT_BEATS = 4;

/**
 * One reader of events. It gets a snapshot and then changes; one that is too slow for the changes misses them and gets a
 * new snapshot as soon as it has read what it was sent.
 */
export class Client {
  readonly #res: ServerResponse;
  #wantsSnapshot = true;
  #missed = false;
  #silentBeats = 0;

  /** @param ready called when it wants a snapshot again @param left called once, when the connection is gone */
  constructor(res: ServerResponse, ready: () => void, left: () => void) {
    this.#res = res;
    res.on('drain', () => {
      this.#silentBeats = 0;
      if (!this.#missed) return;
      this.#missed = false;
      this.#wantsSnapshot = true;
      ready();
    });
    res.once('close', left);
    res.on('error', left);
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // For a reverse proxy between browser and admin listener: nginx holds answers back otherwise.
      'x-accel-buffering': 'no',
    });
    res.write('retry: 2000\n\n');
  }

  get wantsSnapshot(): boolean {
    return this.#wantsSnapshot;
  }

  snapshot(event: Buffer): void {
    this.#wantsSnapshot = false;
    this.#res.write(event);
  }

  /** Does nothing for a reader that has no snapshot yet. */
  change(events: Buffer): void {
    if (this.#wantsSnapshot || this.#missed) return;
    if (this.#res.writableLength > MOST_BYTES) this.#missed = true;
    else this.#res.write(events);
  }

  /** Keeps the connection open through whatever lies between, and ends it when nobody reads it any more. */
  beat(): void {
    if (this.#res.writableNeedDrain) {
      if (++this.#silentBeats >= MOST_SILENT_BEATS) this.#res.destroy();
      return;
    }
    this.#res.write(': still here\n\n');
  }

  end(): void {
    this.#res.end();
  }
}
