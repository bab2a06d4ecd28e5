import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HostPort } from '../config/types.ts';

/**
 * An idle connection is kept longer than any client keeps it (Go's default client: 90 s), so that it is always the
 * client who closes and no request meets a closing socket.
 */
const KEEP_ALIVE_MS = 120_000;

/** Connections that may wait to be accepted: Node's 511 is less than a burst of clients that `limits.connections` allows. */
const BACKLOG = 4_096;

export interface ListenerOptions {
  readonly address: HostPort;
  readonly headerBytes: number;
  readonly connections: number;
  readonly headTimeoutMs: number;
  readonly handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
}

/** One HTTP listener with its bounds, and the way to end it without cutting anybody off. */
export class Listener {
  readonly #server: http.Server;
  readonly #address: HostPort;
  #draining = false;

  constructor(options: ListenerOptions) {
    this.#address = options.address;
    this.#server = http.createServer(
      {
        maxHeaderSize: options.headerBytes,
        headersTimeout: options.headTimeoutMs,
        // Node looks for late heads only every 30 s unless told otherwise.
        connectionsCheckingInterval: Math.min(30_000, Math.ceil(options.headTimeoutMs / 2)),
        // A body has an idle limit of its own; a whole-request timeout would cut slow uploads of gigabytes.
        requestTimeout: 0,
        keepAliveTimeout: KEEP_ALIVE_MS,
        noDelay: true,
        // Default, and never to be changed: lenient parsing is what request smuggling lives on.
        insecureHTTPParser: false,
      },
      (req, res) => {
        if (this.#draining) res.shouldKeepAlive = false;
        void options.handle(req, res);
      },
    );
    this.#server.maxConnections = options.connections;
    this.#server.on('clientError', answerClientError);
  }

  /** @throws the system's error, with the address in its message */
  listen(): Promise<HostPort> {
    const { host, port } = this.#address;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        const bound = this.#server.address() as AddressInfo;
        resolve({ host, port: bound.port });
      });
    });
  }

  /** Stops accepting; resolves when the last request has ended. Idle connections are closed. */
  drain(): Promise<void> {
    this.#draining = true;
    return new Promise((resolve) => {
      // A connection becomes idle when its last answer is out, so look again until all are gone.
      const sweep = setInterval(() => this.#server.closeIdleConnections(), 50);
      this.#server.close(() => {
        clearInterval(sweep);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** What a connection gets that does not speak HTTP, or too much of it: a status, then the end. */
const answerClientError = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'headers_too_large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'request_timeout']
        : ['400 Bad Request', 'bad_request'];
  const body = JSON.stringify({ error: `${status.slice(4)}: ${error.message}` });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `x-request-id: ${randomUUID()}\r\nx-task-router-error: ${code}\r\nConnection: close\r\n\r\n${body}`,
  );
};
