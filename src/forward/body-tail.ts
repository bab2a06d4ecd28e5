import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { ProxyError } from '../core/errors.ts';

/**
 * A request body that is read piece by piece as far as needed, and whose rest goes to a backend without being held.
 * The rest can be sent once: after it was touched, no other backend can be tried.
 */
export class BodyTail {
  readonly #pieces: AsyncIterator<Buffer, undefined>;
  readonly #idleMs: number;
  #touched = false;
  #failure: ProxyError | undefined;

  /** @param idleMs longest silence of the client while a piece is waited for */
  constructor(req: IncomingMessage, idleMs: number) {
    // The answer to a refused body goes out on the same socket, so leaving the loop early must not destroy it.
    this.#pieces = req.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, undefined>;
    this.#idleMs = idleMs;
  }

  /** Whether a backend was given part of the rest. */
  get touched(): boolean {
    return this.#touched;
  }

  /** Why the client's body broke off, if it did. */
  get failure(): ProxyError | undefined {
    return this.#failure;
  }

  /**
   * The next piece; undefined at the end of the body.
   * @throws ProxyError `request_timeout` when the client is silent for too long, `bad_request` when it left
   */
  async next(): Promise<Buffer | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      const say = (): void =>
        reject(new ProxyError('request_timeout', `no byte of the request body for ${this.#idleMs} ms`));
      timer = setTimeout(say, this.#idleMs);
    });
    try {
      const { done, value } = await Promise.race([this.#pieces.next(), silence]);
      return done === true ? undefined : value;
    } catch (error) {
      this.#failure =
        error instanceof ProxyError
          ? error
          : new ProxyError('bad_request', 'the client left before its request body was complete', { cause: error });
      throw this.#failure;
    } finally {
      clearTimeout(timer);
    }
  }

  /** `head`, then the rest of the body. The rest is not touched until the first piece of it is asked for. */
  after(head: Buffer): Readable {
    return Readable.from(this.#rest(head), { objectMode: false });
  }

  async *#rest(head: Buffer): AsyncGenerator<Buffer> {
    yield head;
    this.#touched = true;
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) yield piece;
  }
}
