import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What lies between the proxy and a server: `open` = bytes pass; `silent` = connections are taken and nothing passes, as
 * behind a broken switch; `closed` = nobody listens.
 */
export type RelayState = 'open' | 'silent' | 'closed';

/** A network in front of one server, on a port that stays the same. */
export class Relay {
  readonly #target: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | undefined;
  #port = 0;
  #state: RelayState = 'closed';

  /** @param target port of the server on loopback */
  constructor(target: number) {
    this.#target = target;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get state(): RelayState {
    return this.#state;
  }

  /** Resolves once connections are taken, or refused, as the state says. What was held passes when it opens again. */
  async become(state: RelayState): Promise<void> {
    this.#state = state;
    if (state === 'closed') {
      this.breakAll();
      const server = this.#server;
      this.#server = undefined;
      if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
      return;
    }
    for (const pair of this.#pairs) this.#flow(pair);
    if (this.#server === undefined) await this.#listen();
  }

  /** Every connection ends with a reset. */
  breakAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    this.#pairs.clear();
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
      this.#server = server;
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', () => {
        const address = server.address();
        if (address !== null && typeof address === 'object') this.#port = address.port;
        resolve();
      });
    });
  }

  #accept(near: Socket): void {
    const far = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (bytes: Buffer) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => this.#flow(pair));
      from.on('end', () => to.end());
      from.on('error', () => to.resetAndDestroy());
      from.on('close', () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    }
    this.#flow(pair);
  }

  #flow(pair: readonly [Socket, Socket]): void {
    for (const socket of pair) {
      if (this.#state === 'silent') socket.pause();
      else socket.resume();
    }
  }
}
