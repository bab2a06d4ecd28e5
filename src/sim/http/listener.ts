import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';

const HEADER_BYTES = 1024 * 1024;

/** A port that can be shut and opened again at run time, and that knows its connections. */
export class Listener {
  readonly #host: string;
  readonly #onRequest: RequestListener;
  readonly #takeConnection: () => boolean;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port: number;
  #work: Promise<void> = Promise.resolve();
  #wanted = false;

  /** `takeConnection` is asked about each new connection; true = close it at once. */
  constructor(host: string, port: number, onRequest: RequestListener, takeConnection: () => boolean) {
    this.#host = host;
    this.#port = port;
    this.#onRequest = onRequest;
    this.#takeConnection = takeConnection;
  }

  get port(): number {
    return this.#port;
  }

  /** Settled once the port is as last asked for; rejects if it could not be taken. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Listens, or stops listening; idle connections are closed with the port, busy ones go on. */
  want(listening: boolean): Promise<void> {
    this.#wanted = listening;
    if (!listening) this.#shut();
    this.#work = this.#work.catch(() => undefined).then(() => this.#follow());
    return this.#work;
  }

  /** Ends every connection, in whatever state. */
  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #shut(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  async #follow(): Promise<void> {
    if (!this.#wanted || this.#server !== undefined) return;
    const server = createServer({
      maxHeaderSize: HEADER_BYTES,
      keepAliveTimeout: 0,
      requestTimeout: 0,
      headersTimeout: 0,
    });
    server.on('connection', (socket: Socket) => {
      if (this.#takeConnection()) {
        socket.resetAndDestroy();
        return;
      }
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', this.#onRequest);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, this.#host, resolve);
    });
    if (!this.#wanted) {
      server.close();
      return;
    }
    this.#server = server;
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }
}
