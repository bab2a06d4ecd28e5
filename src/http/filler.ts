import type { Dialect } from '../core/types.ts';
import type { Exchange } from './exchange.ts';

/**
 * What a client skips over. A line of NDJSON may begin with blanks, but an empty line is an error to some clients; a
 * comment is what SSE has for this purpose (HTML standard §9.2.6).
 */
const FILLER: Readonly<Record<Dialect, string>> = { native: ' ', openai: ': waiting\n\n', anthropic: ': waiting\n\n' };

const TYPE: Readonly<Record<Dialect, string>> = {
  native: 'application/x-ndjson',
  openai: 'text/event-stream',
  anthropic: 'text/event-stream',
};

/**
 * Keeps whatever sits between client and proxy from giving up on a stream that waits for a slot or a cold load: after
 * the first interval the head of the stream goes out, and a bit of nothing then and after each further one, until the
 * first real bytes. From then on a failure can only be told inside the stream.
 */
export class Filler {
  readonly #exchange: Exchange;
  readonly #timer: NodeJS.Timeout;
  #streamOpen = false;

  /** @param intervalMs > 0 */
  constructor(exchange: Exchange, intervalMs: number) {
    this.#exchange = exchange;
    this.#timer = setInterval(() => this.#fill(), intervalMs);
    exchange.filler = this;
  }

  /** The head of a stream is out, and nothing but filler after it. */
  get streamOpen(): boolean {
    return this.#streamOpen;
  }

  /** Waiting is over. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** The first real bytes follow. */
  giveWay(): void {
    this.stop();
    this.#streamOpen = false;
  }

  #fill(): void {
    const { res, dialect, uncached, left, ownHeaders } = this.#exchange;
    if (left || res.writableEnded || res.writableNeedDrain) return;
    if (!res.headersSent) {
      const cache = uncached ? ['cache-control', 'no-cache'] : [];
      this.#streamOpen = true;
      res.writeHead(200, ['content-type', TYPE[dialect], ...cache, ...ownHeaders()]);
    }
    res.write(FILLER[dialect]);
  }
}
