import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';
import { goJson } from './go-json.ts';
import { errorBody, inBandError, type WireDialect } from './dialect.ts';

/** Go answers with Content-Length what fits its buffer when the handler ends, and in chunks what does not (net/http). */
const GO_BUFFER_BYTES = 2048;

export const JSON_UTF8 = 'application/json; charset=utf-8';
export const JSON_PLAIN = 'application/json';
export const NDJSON = 'application/x-ndjson';
export const EVENT_STREAM = 'text/event-stream';

/** Sorts by name as Go's header writer does; Date, then length or encoding come last. */
const goHeaders = (headers: OutgoingHttpHeaders): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)));

const RESET_DELAY_MS = 20;

/** One request on the wire with the answer to it, framed and ordered as Go's server does. */
export class Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  /** Decoded path without the query. */
  readonly path: string;
  readonly query: string;
  body: Buffer = Buffer.alloc(0);
  /** What goes wrong with this answer once it flows. */
  fault: Fault | undefined;
  dialect: WireDialect = 'native';
  /** The model that the body names, '' if none. */
  model = '';
  /** Route parameter, '' if the route has none. */
  param = '';
  /** Headers that every answer to this request carries. */
  readonly common: OutgoingHttpHeaders = {};
  /** The server itself ended the answer before its time, or broke the connection. */
  brokenByServer = false;

  #lines = 0;
  #over = false;
  #gone: (() => void) | undefined;
  readonly #when: (act: () => void) => void;

  /** @param when does what is given to it once the process runs */
  constructor(req: IncomingMessage, res: ServerResponse, when: (act: () => void) => void = (act) => act()) {
    this.req = req;
    this.res = res;
    this.#when = when;
    this.method = req.method ?? 'GET';
    const [rawPath = '/', query] = (req.url ?? '/').split(/\?(.*)/s);
    this.path = decodePath(rawPath);
    this.query = query === undefined ? '' : `?${query}`;
    res.sendDate = false;
    res.removeHeader('connection');
  }

  /** True once nothing more is to be sent: ended, broken, or silenced by a fault. */
  get over(): boolean {
    return this.#over || this.res.writableEnded || this.res.destroyed;
  }

  /** True once a fault or a dead connection ended the answer before its time. */
  get broken(): boolean {
    return this.brokenByServer || this.res.destroyed;
  }

  /** Calls back once if the connection ends before the answer does. */
  whenGone(gone: () => void): void {
    this.#gone = gone;
    if (this.broken) this.leave();
  }

  /** The connection is gone: gives up what was being done for it. */
  leave(): void {
    this.#gone?.();
    this.#gone = undefined;
  }

  header(name: string): string | undefined {
    const value = this.req.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** A whole answer. A HEAD request gets the headers that GET would have. */
  send(status: number, headers: OutgoingHttpHeaders, body = ''): void {
    this.#when(() => this.#send(status, headers, body));
  }

  #send(status: number, headers: OutgoingHttpHeaders, body: string): void {
    if (this.over || this.#breakWhole(body)) return;
    const bytes = Buffer.byteLength(body);
    this.#head(status, headers);
    if (status !== 204 && bytes <= GO_BUFFER_BYTES) this.res.setHeader('Content-Length', bytes);
    if (this.method !== 'HEAD') this.res.write(body);
    this.res.end();
  }

  /** A head alone, without even a length. */
  sendEmpty(status: number): void {
    this.#when(() => {
      if (this.over) return;
      this.#head(status, {});
      this.res.end();
    });
  }

  /** Native JSON: charset named, no newline. */
  json(status: number, value: unknown): void {
    this.send(status, { 'Content-Type': JSON_UTF8 }, goJson(value));
  }

  /** JSON of the `/v1` routes: no charset, with the newline of Go's encoder. */
  line(status: number, value: unknown, headers: OutgoingHttpHeaders = {}): void {
    this.send(status, { 'Content-Type': JSON_PLAIN, ...headers }, `${goJson(value)}\n`);
  }

  /** An error raised where a stream had been promised: plain JSON type, in chunks. */
  chunkedError(status: number, value: unknown): void {
    this.#when(() => {
      if (this.over) return;
      this.#head(status, { 'Content-Type': JSON_PLAIN });
      this.res.write(goJson(value));
      this.res.end();
    });
  }

  /** The runner died: an error line and a clean end where a stream has begun, else an error status. */
  die(message: string): void {
    this.#when(() => {
      if (this.over) return;
      if (this.res.headersSent) {
        this.#stop();
        this.res.end(inBandError(this.dialect, message));
        return;
      }
      const error = errorBody(this.dialect, 500, message);
      if (this.dialect === 'native') this.json(500, error);
      else this.line(500, error);
    });
  }

  /** One record of a stream, terminator included. The head leaves with the first; each is flushed by itself. */
  record(text: string, contentType: string, headers: OutgoingHttpHeaders = {}): void {
    this.#when(() => {
      if (this.over) return;
      if (!this.res.headersSent) this.#head(200, { 'Content-Type': contentType, ...headers });
      if (this.#breakStream()) return;
      this.res.write(text);
      this.#lines += 1;
    });
  }

  /** The clean end of a stream. */
  end(): void {
    this.#when(() => {
      if (!this.over && !this.#breakStream()) this.res.end();
    });
  }

  /** Cuts the connection: a reset, or a plain FIN in the middle of the answer. */
  cut(how: 'reset' | 'fin'): void {
    this.#stop();
    if (how === 'reset') this.req.socket.resetAndDestroy();
    else this.req.socket.destroySoon();
  }

  /** Bytes past the HTTP layer, then the end of the connection. */
  raw(text: string): void {
    this.#stop();
    this.req.socket.end(text);
  }

  /** Nothing more will be sent; the connection stays open. */
  silence(): void {
    this.#over = true;
  }

  #stop(): void {
    this.#over = true;
    this.brokenByServer = true;
  }

  #head(status: number, headers: OutgoingHttpHeaders): void {
    this.res.statusCode = status;
    const all = { ...goHeaders({ ...this.common, ...headers }), Date: new Date().toUTCString() };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) this.res.setHeader(name, value);
  }

  /** A reset on the heels of data is taken for a plain end by the receiver's event loop, so the data get a head start. */
  #cutLater(how: 'reset' | 'fin'): void {
    setTimeout(() => setImmediate(() => this.cut(how)), RESET_DELAY_MS);
  }

  /** Faults that strike in mid-stream; true = this one struck. */
  #breakStream(): boolean {
    const { fault } = this;
    if (fault === undefined || this.#lines < ('afterLines' in fault ? fault.afterLines : 0)) return false;
    switch (fault.kind) {
      case 'error-first':
      case 'error-line':
        this.#stop();
        this.res.end(inBandError(this.dialect, fault.message ?? RUNNER_DIED));
        return true;
      case 'end-early':
        this.#stop();
        this.res.end();
        return true;
      case 'cut':
        this.#stop();
        this.res.flushHeaders();
        this.#cutLater(fault.how ?? 'reset');
        return true;
      case 'stall':
        this.res.flushHeaders();
        this.#over = true;
        return true;
      default:
        return false;
    }
  }

  /** The same faults for an answer that is not a stream; true = one struck and the answer is not to be sent. */
  #breakWhole(body: string): boolean {
    const { fault } = this;
    if (fault === undefined) return false;
    switch (fault.kind) {
      case 'error-first':
      case 'error-line': {
        this.fault = undefined;
        const error = errorBody(this.dialect, 500, fault.message ?? RUNNER_DIED);
        if (this.dialect === 'native') this.json(500, error);
        else this.line(500, error);
        return true;
      }
      case 'cut':
      case 'end-early':
        this.#head(200, { 'Content-Type': JSON_UTF8, 'Content-Length': Math.max(2, Buffer.byteLength(body)) });
        this.#over = true;
        this.res.write(body.slice(0, Math.max(1, body.length >> 1)));
        this.#cutLater(fault.kind === 'cut' ? (fault.how ?? 'reset') : 'fin');
        return true;
      case 'stall':
        this.#over = true;
        return true;
      default:
        return false;
    }
  }
}

/** What a request hears whose runner died, and one that waited there (seen on 0.24). */
export const RUNNER_DIED = 'an error was encountered while running the model: unexpected EOF';
export const RUNNER_GONE = 'llama runner process no longer running: -1 ';

const decodePath = (raw: string): string => {
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
};
