import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { Server as TcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HostPort } from '../config/types.ts';
import type { ErrorCode } from '../core/errors.ts';
import { METHODS, unfit, type Unfit } from './strict.ts';
import type { LoadedTls } from './tls.ts';

/**
 * An idle connection is kept longer than any client keeps it (Go's default client: 90 s), so that it is always the
 * client who closes and no request meets a closing socket.
 */
const KEEP_ALIVE_MS = 120_000;

/** Connections that may wait to be accepted: Node's 511 is less than a burst of clients that `limits.connections` allows. */
const BACKLOG = 4_096;

/**
 * Requests that may be open on one connection. Hardly a client sends a second one before it has its answer, but each
 * one sent ahead costs little to send and a whole answer to hold: they are answered in order.
 */
const PIPELINED = 32;

export interface ListenerOptions {
  readonly address: HostPort;
  readonly headerBytes: number;
  readonly connections: number;
  readonly headTimeoutMs: number;
  readonly handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  /** HTTPS; undefined = plain HTTP. */
  readonly tls?: LoadedTls | undefined;
  /** A socket that listens already, handed down to this process, in the place of the address. */
  readonly fd?: number | undefined;
  /** Told what `handle` has thrown, which ends its request and nothing else. */
  readonly fault?: (error: unknown, req: IncomingMessage) => void;
}

/** One HTTP listener with its bounds, and the way to end it without cutting anybody off. */
export class Listener {
  readonly #server: http.Server;
  readonly #address: HostPort;
  readonly #handle: ListenerOptions['handle'];
  /** Requests under way, by connection. */
  readonly #open = new WeakMap<Duplex, Set<ServerResponse>>();
  /** Connections on which nothing more is read for a request: how the next bytes are to be read is in doubt. */
  readonly #last = new WeakSet<Duplex>();
  readonly #fd: number | undefined;
  readonly #tls: https.Server | undefined;
  readonly #fault: ListenerOptions['fault'];
  /** Connections of a TLS listener: http counts them only once their handshake is over. */
  readonly #encrypted = new Set<Socket>();
  #draining = false;

  constructor(options: ListenerOptions) {
    this.#address = options.address;
    this.#handle = options.handle;
    this.#fd = options.fd;
    this.#fault = options.fault;
    const { tls } = options;
    const serve = (req: IncomingMessage, res: ServerResponse): void => {
      try {
        this.#serve(req, res);
      } catch (error) {
        this.#failed(error, req, res);
      }
    };
    const http1: http.ServerOptions = {
      maxHeaderSize: options.headerBytes,
      headersTimeout: options.headTimeoutMs,
      // Node looks for late heads only every 30 s unless told otherwise.
      connectionsCheckingInterval: Math.min(30_000, Math.ceil(options.headTimeoutMs / 2)),
      // A body has an idle limit of its own; a whole-request timeout would cut slow uploads of gigabytes.
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Asked of every request in strict.ts, whose refusals say whose they are.
      requireHostHeader: false,
      noDelay: true,
      // Default, and never to be changed: lenient parsing is what request smuggling lives on.
      insecureHTTPParser: false,
    };
    if (tls === undefined) this.#server = http.createServer(http1, serve);
    else {
      this.#tls = https.createServer(
        {
          ...http1,
          ...tls.context,
          ALPNProtocols: ['http/1.1'],
          handshakeTimeout: options.headTimeoutMs,
          requestCert: tls.asksClients,
          rejectUnauthorized: tls.asksClients,
        },
        serve,
      );
      this.#tls.on('connection', (socket: Socket) => {
        this.#encrypted.add(socket);
        socket.once('close', () => this.#encrypted.delete(socket));
      });
      this.#server = this.#tls;
    }
    this.#server.maxConnections = options.connections;
    // Beyond a count Node would drop headers unseen, those that frame the body included; their size is bounded instead.
    this.#server.maxHeadersCount = 0;
    this.#server.on('checkExpectation', serve);
    this.#server.on('connect', (_req, socket) => {
      // From here on the socket is ours alone, its errors too.
      socket.on('error', () => {});
      if (this.#mayWrite(socket)) {
        endWith(socket, 405, 'bad_request', 'CONNECT is not answered', `Allow: ${METHODS}\r\n`);
      } else socket.destroy();
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // Without a handshake there is nobody who could read an answer.
      const dumb = 'secureConnecting' in socket && socket.secureConnecting === true;
      if (!dumb && error.code !== 'ECONNRESET' && this.#mayWrite(socket)) answerClientError(error, socket);
      else socket.destroy();
    });
  }

  /**
   * Whether an answer of ours may go onto a connection past all others. Its bytes in the middle of an answer would be
   * read as part of that one, and ahead of one as that one itself.
   */
  #mayWrite(socket: Duplex): boolean {
    const answers = [...(this.#open.get(socket) ?? [])];
    const inTheWay = answers.length > 1 || answers.some(({ headersSent, req }) => headersSent || req.complete);
    return socket.writable && !inTheWay;
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    if (this.#draining) res.shouldKeepAlive = false;
    const { socket } = req;
    // It came in one packet with what has ended the connection.
    if (this.#last.has(socket)) return;
    const open = this.#open.get(socket) ?? this.#newcomer(socket);
    open.add(res);
    res.on('close', () => open.delete(res));
    const why = unfit(req) ?? (open.size > PIPELINED ? TOO_MANY : undefined);
    if (why !== undefined || req.headers.upgrade !== undefined) {
      // Node's parser drops what comes in one packet with the end of a request that asks for an upgrade, granted or not.
      this.#last.add(socket);
      res.shouldKeepAlive = false;
    }
    if (why === undefined) this.#handle(req, res).catch((error: unknown) => this.#failed(error, req, res));
    else refuse(res, why);
  }

  /** Nobody else caught it: this request ends, and all others go on. */
  #failed(error: unknown, req: IncomingMessage, res: ServerResponse): void {
    this.#fault?.(error, req);
    if (res.headersSent || res.destroyed) res.destroy();
    else refuse(res, { status: 500, message: 'the proxy failed to handle this request; its log says why' }, 'internal');
  }

  /** The requests of a connection that sends its first one. */
  #newcomer(socket: Duplex): Set<ServerResponse> {
    const open = new Set<ServerResponse>();
    this.#open.set(socket, open);
    socket.once('close', () => {
      for (const res of open) {
        // Node tells only the answer whose turn it is that the client has left, not those that were to follow.
        if (res.socket !== null || res.writableFinished) continue;
        res.destroy();
        res.emit('close');
      }
    });
    return open;
  }

  /** @throws the system's error, with the address in its message */
  listen(): Promise<HostPort> {
    const { host, port } = this.#address;
    const fd = this.#fd;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ ...(fd === undefined ? { port, host } : { fd }), backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        const bound = this.#server.address();
        if (bound === null || typeof bound === 'string') {
          this.destroy();
          reject(new Error(`the socket that was handed down (file descriptor ${fd}) is no TCP socket`));
        } else resolve({ host: fd === undefined ? host : bound.address, port: bound.port });
      });
    });
  }

  /** The socket that it listens on, to be handed down to another process. */
  get socket(): TcpServer {
    return this.#server;
  }

  /** New connections get this certificate; those that are open go on. Nothing on a listener without TLS. */
  renew({ context }: LoadedTls): void {
    this.#tls?.setSecureContext(context);
  }

  /**
   * Stops accepting; resolves when the last request has ended. A request on an open connection is told that it is the
   * last one there.
   * @param idleMs how long connections without a request may stay: whoever uses one within that time finds it open
   */
  drain(idleMs = 0): Promise<void> {
    this.#draining = true;
    const closesAt = performance.now() + idleMs;
    const closeIdle = (): void => {
      if (performance.now() >= closesAt) this.#server.closeIdleConnections();
    };
    return new Promise((resolve) => {
      // A connection becomes idle when its last answer is out, so look again until all are gone.
      const sweep = setInterval(closeIdle, SWEEP_MS);
      // That of http closes idle connections by itself.
      TcpServer.prototype.close.call(this.#server, () => {
        clearInterval(sweep);
        resolve();
      });
      closeIdle();
    });
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#encrypted) socket.destroy();
  }
}

/** While a listener drains, this often connections are looked for that have become idle. */
const SWEEP_MS = 50;

type Refusal = Omit<Unfit, 'status'> & { readonly status: number };

const TOO_MANY: Unfit = { status: 400, message: `more than ${PIPELINED} requests at a time on one connection` };

/** Ends the connection with an answer: how the next bytes on it are to be read is in doubt, or not worth the risk. */
const refuse = (res: ServerResponse, { status, message, allow }: Refusal, code: ErrorCode = 'bad_request'): void => {
  const body = errorBody(status, message);
  const headers = [
    ...['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))],
    ...['x-request-id', randomUUID(), 'x-task-router-error', code, 'connection', 'close'],
    ...(allow === undefined ? [] : ['allow', allow]),
  ];
  res.writeHead(status, headers);
  res.end(body);
};

const errorBody = (status: number, message: string): string =>
  JSON.stringify({ error: `${http.STATUS_CODES[status] ?? status}: ${message}` });

/** How long a client may take to read such an answer and close its side, before the connection is ended under it. */
const LINGER_MS = 1_000;

/** The same for a connection without a request. @param lines more header lines, each with its line break */
const endWith = (socket: Duplex, status: number, code: string, message: string, lines = ''): void => {
  const body = errorBody(status, message);
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nx-request-id: ${randomUUID()}\r\n` +
      `x-task-router-error: ${code}\r\n${lines}Connection: close\r\n\r\n${body}`,
  );
  // Node leaves the other half open for as long as the client likes.
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  linger.unref();
  socket.once('close', () => clearTimeout(linger));
};

/** What a connection gets that does not speak HTTP, or too much of it: a status, then the end. */
const answerClientError = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  if (error.code === 'HPE_HEADER_OVERFLOW') endWith(socket, 431, 'headers_too_large', error.message);
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') endWith(socket, 408, 'request_timeout', error.message);
  else endWith(socket, 400, 'bad_request', error.message);
};
