import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** Paths that the proxy asks for by itself; they are answered without a script and not counted as calls. */
const PROBE = /\/api\/(version|tags|ps)$/;
/** A longer body is counted and digested, not kept. */
const BODY_KEPT = 4 * 1024 * 1024;

/** One request that reached the backend. */
export interface Call {
  readonly method: string;
  /** Path and query, as they stood in the request line. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** What came so far of a body of up to 4 MiB. */
  body(): Buffer;
  bodyBytes(): number;
  /** SHA-256 of the whole body. */
  digest(): string;
  /** The whole body is there. */
  readonly received: Promise<void>;
  /** The caller closed the connection before the script had ended the answer. */
  readonly hungUp: Promise<void>;
  /** The connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
}

/** How one request is answered; it runs once the request's body was read, unless it says `early`. */
export interface Script {
  (call: Call): void | Promise<void>;
  readonly early?: boolean;
}

export interface ScriptedOptions {
  readonly models?: readonly string[];
  /** What answers when no script is left. */
  readonly otherwise?: Script;
}

const open = (req: IncomingMessage, res: ServerResponse): Call => {
  const chunks: Buffer[] = [];
  const hash = createHash('sha256');
  let bytes = 0;
  const received = new Promise<void>((resolve) => {
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      hash.update(chunk);
      if (bytes <= BODY_KEPT) chunks.push(chunk);
    });
    req.once('end', resolve);
    req.on('error', () => {});
  });
  const closed = new Promise<void>((resolve) => res.socket?.once('close', () => resolve()));
  const hungUp = new Promise<void>((resolve) => {
    res.socket?.once('close', () => {
      if (!res.writableEnded && !ended.has(res)) resolve();
    });
  });
  return {
    method: req.method ?? '',
    path: req.url ?? '',
    headers: req.headers,
    rawHeaders: req.rawHeaders,
    req,
    res,
    body: () => Buffer.concat(chunks),
    bodyBytes: () => bytes,
    digest: () => hash.copy().digest('hex'),
    received,
    hungUp,
    closed,
  };
};

/** Answers whose connection the script itself ended. */
const ended = new WeakSet<ServerResponse>();

/** RST, as a crashed host or a full backlog gives it. */
export const reset = ({ res }: Call): void => {
  ended.add(res);
  res.socket?.resetAndDestroy();
};

/** FIN without the end of the answer, as a killed process gives it; what was written before still arrives. */
export const fin = ({ res }: Call): void => {
  ended.add(res);
  res.socket?.destroySoon();
};

/**
 * An Ollama server that does what it is told, request by request: it lists `models`, answers its scripts in order, and
 * tells who called, with what, and when the caller hung up.
 */
export class ScriptedBackend {
  readonly name: string;
  readonly calls: Call[] = [];
  /** Connections ever accepted, the proxy's probes included. */
  connections = 0;
  /** What it lists in `/api/tags`; may be changed. */
  models: readonly string[];
  /** More members of a model's entry there, by its name. */
  readonly entries = new Map<string, object>();
  version = '0.32.15';
  otherwise: Script;
  readonly #scripts: Script[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  #server: http.Server | undefined;
  #port = 0;

  constructor(name: string, { models = ['m'], otherwise = ({ res }) => void res.end('{}') }: ScriptedOptions = {}) {
    this.name = name;
    this.models = models;
    this.otherwise = otherwise;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; again on the same port after `refuse`. */
  async listen(): Promise<this> {
    const server = http.createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
    server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      // Every request on a kept connection listens for its end.
      socket.setMaxListeners(0);
    });
    server.on('request', (req, res) => void this.#serve(req, res));
    server.on('checkContinue', (req, res) => void this.#serve(req, res));
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** From now on connections are refused; those that exist end. */
  async refuse(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** The next requests get these, in this order. */
  next(...scripts: readonly Script[]): this {
    this.#scripts.push(...scripts);
    return this;
  }

  /** The call of this number, counted from 0, made already or yet to come. */
  call(index: number): Promise<Call> {
    const found = this.calls[index];
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => {
      const look = (): void => {
        const late = this.calls[index];
        if (late === undefined) return;
        this.#waiting.delete(look);
        resolve(late);
      };
      this.#waiting.add(look);
    });
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.on('error', () => {});
    const path = req.url ?? '';
    const probe = req.method === 'GET' ? PROBE.exec(path)?.[1] : undefined;
    if (probe !== undefined) {
      res.setHeader('content-type', 'application/json; charset=utf-8');
      res.end(JSON.stringify(this.#probe(probe)));
      return;
    }
    const call = open(req, res);
    const script = this.#scripts.shift() ?? this.otherwise;
    this.calls.push(call);
    for (const look of this.#waiting) look();
    if (script.early !== true) await call.received;
    await script(call);
  }

  #probe(what: string): object {
    if (what === 'version') return { version: this.version };
    // Everything it has is in memory: a cold model would make requests wait for a load that no script plays.
    if (what === 'ps')
      return {
        models: this.models.map((name) => ({
          name,
          model: name,
          size: 1,
          size_vram: 1,
          digest: `sha256:${name}`,
          context_length: 4096,
          expires_at: '2318-01-01T00:00:00Z',
          details: {},
        })),
      };
    return {
      models: this.models.map((name) => ({
        name,
        model: name,
        digest: `sha256:${name}`,
        size: 1,
        ...this.entries.get(name),
      })),
    };
  }
}
