import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Paths that the proxy asks for by itself. */
const PROBE = /^\/api\/(version|tags|ps)$/;
const HEAD_END = '\r\n\r\n';

/** One request as it stood on the wire. */
export interface RawRequest {
  /** Which connection it came on, counted from 0. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  /** Request line and header lines, byte for byte (latin1). */
  readonly head: string;
  /** Every value of a header, name in lower case. */
  values(name: string): readonly string[];
  /** Without its framing. */
  readonly body: Buffer;
}

/** Answers one request by writing to the connection; whether that stays open is up to it. */
export type RawScript = (socket: Socket, request: RawRequest) => void | Promise<void>;

/** An answer in one piece. */
export const answerText = (body: string, type = 'application/json', more = ''): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;

/** What every backend of these tests answers when no script says otherwise: a whole chat that names its request. */
const echo: RawScript = (socket, request) => {
  const { target } = request;
  const marker = request.values('x-marker').join('|');
  const message = { role: 'assistant', content: `${target} ${marker}` };
  socket.write(answerText(JSON.stringify({ model: 'm', message, done: true, prompt_eval_count: 1, eval_count: 1 })));
};

type Parsed = { readonly request: RawRequest; readonly length: number } | 'more' | { readonly broken: string };

/** A chunked body without leniency: hexadecimal sizes, CRLF everywhere, no extension, no trailer. */
const readChunks = (bytes: Buffer, from: number): { body: Buffer; end: number } | 'more' | { broken: string } => {
  const pieces: Buffer[] = [];
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return 'more';
    const size = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(size)) return { broken: `chunk size ${JSON.stringify(size)}` };
    const length = Number.parseInt(size, 16);
    const end = lineEnd + 2 + length;
    if (bytes.length < end + 2) return 'more';
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') return { broken: 'a chunk that does not end with CRLF' };
    if (length === 0) return { body: Buffer.concat(pieces), end: end + 2 };
    pieces.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
};

/** Reads one request as strictly as RFC 9112 lets a server be: one framing header, CRLF, no folding, one Host. */
const parse = (bytes: Buffer, connection: number): Parsed => {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return 'more';
  const head = bytes.toString('latin1', 0, headEnd);
  const [line = '', ...lines] = head.split('\r\n');
  const [, method = '', target = ''] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(line) ?? [];
  if (method === '') return { broken: `request line ${JSON.stringify(line)}` };
  const headers: [string, string][] = [];
  for (const each of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+): ?([^\r\n\0]*)$/.exec(each) ?? [];
    if (name === undefined || value === undefined) return { broken: `header line ${JSON.stringify(each)}` };
    headers.push([name.toLowerCase(), value]);
  }
  const values = (name: string): readonly string[] => headers.flatMap(([key, value]) => (key === name ? [value] : []));
  const lengths = values('content-length');
  const codings = values('transfer-encoding');
  if (lengths.length + codings.length > 1) return { broken: `two framing headers in ${JSON.stringify(head)}` };
  if (values('host').length !== 1) return { broken: `not one Host in ${JSON.stringify(head)}` };
  const from = headEnd + HEAD_END.length;
  const request = { connection, method, target, head, values };
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') return { broken: `transfer-encoding ${codings[0]}` };
    const read = readChunks(bytes, from);
    if (read === 'more' || 'broken' in read) return read;
    return { request: { ...request, body: read.body }, length: read.end };
  }
  const length = lengths[0] ?? '0';
  if (!/^\d+$/.test(length)) return { broken: `content-length ${JSON.stringify(length)}` };
  const end = from + Number(length);
  if (bytes.length < end) return 'more';
  return { request: { ...request, body: bytes.subarray(from, end) }, length: end };
};

/**
 * A backend that reads and writes bare bytes: it is as strict as a server may be about what it gets, keeps everything,
 * and answers whatever it is told to, be it HTTP or not.
 */
export class RawBackend {
  readonly name: string;
  /** The proxy's own look-ups aside. */
  readonly requests: RawRequest[] = [];
  /** What it took for no proper request. */
  readonly broken: string[] = [];
  script: RawScript;
  /** Connections on which something other than a probe was asked. */
  readonly used = new Set<number>();
  /** Bytes of requests that were begun and not ended when their connection closed. */
  readonly unfinished: string[] = [];
  readonly #models: readonly string[];
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  #server: Server | undefined;
  #port = 0;
  #connections = 0;

  constructor(
    name: string,
    { script = echo, models = ['m'] }: { script?: RawScript; models?: readonly string[] } = {},
  ) {
    this.name = name;
    this.script = script;
    this.#models = models;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Open connections. */
  get open(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<this> {
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Ends it and every connection. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** The request of this number, counted from 0, made already or yet to come. */
  request(index: number): Promise<RawRequest> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.requests[index];
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #accept(socket: Socket): void {
    const connection = this.#connections++;
    this.#sockets.add(socket);
    let bytes = Buffer.alloc(0);
    let busy = Promise.resolve();
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (bytes.length > 0) this.unfinished.push(bytes.toString('latin1', 0, 1000));
    });
    socket.on('data', (data) => {
      bytes = bytes.length === 0 ? Buffer.from(data) : Buffer.concat([bytes, data]);
      for (;;) {
        const parsed = parse(bytes, connection);
        if (parsed === 'more') return;
        if ('broken' in parsed) {
          this.broken.push(parsed.broken);
          socket.destroy();
          return;
        }
        bytes = bytes.subarray(parsed.length);
        const { request } = parsed;
        busy = busy.then(() => this.#answer(socket, request));
      }
    });
  }

  async #answer(socket: Socket, request: RawRequest): Promise<void> {
    const probe = request.method === 'GET' ? PROBE.exec(request.target)?.[1] : undefined;
    if (probe !== undefined) {
      socket.write(answerText(JSON.stringify(this.#probe(probe))));
      return;
    }
    this.used.add(request.connection);
    this.requests.push(request);
    for (const look of this.#waiting) look();
    await this.script(socket, request);
  }

  #probe(what: string): object {
    if (what === 'version') return { version: '0.32.15' };
    const loaded = { size_vram: 1, context_length: 4096, expires_at: '2318-01-01T00:00:00Z', details: {} };
    return {
      models: this.#models.map((name) => ({ name, model: name, digest: `sha256:${name}`, size: 1, ...loaded })),
    };
  }
}
