import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Client, type buildConnector, type Dispatcher } from 'undici';

/**
 * A server may close a kept connection at the very moment at which a request is sent on it (RFC 9112 §9.3.1). That says
 * nothing about the server, and the request was not begun: it is sent once more, over another connection, and nobody
 * hears of it. The same happens when the server was restarted since.
 */

/**
 * The end of a connection that was closing comes within a round trip of the request. When it takes longer than this, in
 * ms, the server had begun to work, and its end is a failure of its own.
 */
export const CLOSING_MS = 1_000;
/** Connections that may turn out to be closed in one request's way; a server that was restarted breaks all of them. */
const MOST_TRIES = 8;

const SENT_ON = Symbol('sent on');

/** What travels with the options of a request, from the pool down to the connection. */
interface Marked {
  /** @param socket what it is written to; undefined where a new connection is made for it */
  readonly [SENT_ON]?: (socket: Socket | undefined) => void;
}

/** Options of a pool's connection; a pool hands down a connector in place of settings for one. */
export type ConnectionOptions = Client.Options & { readonly connect: buildConnector.connector };

/** One connection of a pool, which shows a request what it is sent on. */
export class Connection extends Client {
  #socket: Socket | undefined;

  constructor(origin: URL, options: ConnectionOptions) {
    const connect: buildConnector.connector = (wanted, done) => {
      options.connect(wanted, (...made: Parameters<buildConnector.Callback>) => {
        this.#socket = made[1] ?? undefined;
        done(...made);
      });
    };
    super(origin, { ...options, connect });
  }

  override dispatch(options: Dispatcher.DispatchOptions & Marked, handler: Dispatcher.DispatchHandler): boolean {
    options[SENT_ON]?.(this.#socket?.destroyed === false ? this.#socket : undefined);
    return super.dispatch(options, handler);
  }
}

/** How undici and the system name the end of a connection by the other side. */
const CLOSED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Whether an error is the end of a connection, not of what was said on it. */
export const isClosed = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && CLOSED.has(error.code);

/** Stands between a request and its handler until it is clear that the connection holds. */
class SecondChance implements Dispatcher.DispatchHandler {
  readonly #dispatch: Dispatcher['dispatch'];
  readonly #options: Dispatcher.DispatchOptions;
  readonly #handler: Dispatcher.DispatchHandler;
  #tries = 0;
  /** The connection, where it was there before. */
  #socket: Socket | undefined;
  #readBefore = 0;
  #sentAt = 0;

  constructor(
    dispatch: Dispatcher['dispatch'],
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ) {
    this.#dispatch = dispatch;
    this.#options = options;
    this.#handler = handler;
  }

  send(): boolean {
    this.#tries++;
    const marked: Dispatcher.DispatchOptions & Marked = {
      ...this.#options,
      [SENT_ON]: (socket) => {
        this.#socket = socket;
        this.#readBefore = socket?.bytesRead ?? 0;
      },
    };
    return this.#dispatch(marked, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#sentAt = performance.now();
    this.#handler.onRequestStart?.(controller, context);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusMessage?: string,
  ): void {
    this.#handler.onResponseStart?.(controller, status, headers, statusMessage);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#wasClosing(controller, error)) {
      this.#handler.onResponseError?.(controller, error);
      return;
    }
    // Not before the pool knows that this connection is closed: it would be chosen again.
    queueMicrotask(() => this.send());
  }

  #wasClosing(controller: Dispatcher.DispatchController, error: Error): boolean {
    if (this.#socket === undefined || this.#socket.bytesRead > this.#readBefore) return false;
    if (this.#tries >= MOST_TRIES || aborted(controller) || !isClosed(error)) return false;
    return performance.now() - this.#sentAt < CLOSING_MS;
  }
}

/** There is none where a request failed before it was sent. */
const aborted = (controller: Dispatcher.DispatchController | undefined): boolean => controller?.aborted === true;

/** Of a body that is piped a part may be gone. */
const canBeRepeated = ({ body }: Dispatcher.DispatchOptions): boolean =>
  body === undefined || body === null || typeof body === 'string' || Buffer.isBuffer(body);

/**
 * Sends each request of a pool of `Connection` over a connection that holds.
 * @param once for requests that cannot be sent twice: none of its connections was used before
 */
export const sentSafely =
  (once: () => Dispatcher): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    canBeRepeated(options)
      ? new SecondChance(dispatch, options, handler).send()
      : once().dispatch({ ...options, reset: true }, handler);
