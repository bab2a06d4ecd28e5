import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Ask } from './asks.ts';
import { CERTIFICATE, KEY } from './certificate.ts';
import type { Fault, Phase } from './faults.ts';

/** What a server does with requests; undefined = answers well. */
export interface Trouble {
  readonly fault: Fault;
  readonly phase: Phase;
}

/** The pause of a slow server: longer than a beat of the proxy's, shorter than its patience. */
const SLOW_MS = 60;
const PROBE = /^GET \/api\/(version|tags|ps) /;
const STATUS: Readonly<Partial<Record<Fault, readonly [number, string]>>> = {
  '500': [500, '{"error":"it broke"}'],
  '503': [503, '{"error":"server busy, please try again.  maximum pending requests exceeded"}'],
  '404': [404, '{"error":"model \'m\' not found"}'],
};

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const END = '0\r\n\r\n';
const answer = (status: number, body: string): string =>
  `HTTP/1.1 ${status} X\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** Where the first request in the bytes ends; undefined while it does not. */
const requestEnd = (bytes: string): number | undefined => {
  const head = bytes.indexOf('\r\n\r\n');
  if (head === -1) return undefined;
  const from = head + 4;
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(bytes.slice(0, from))) {
    const end = bytes.indexOf(END, from);
    return end === -1 ? undefined : end + END.length;
  }
  const end = from + Number(/\r\ncontent-length: (\d+)\r\n/i.exec(bytes.slice(0, from))?.[1] ?? 0);
  return bytes.length < end ? undefined : end;
};

/** A server of bare bytes that has one model and answers one kind of request, well until it is armed. */
export class FaultServer {
  readonly model: string;
  /** Requests that it read; those of the proxy's own aside. */
  hits = 0;
  readonly #ask: Ask;
  readonly #trouble: Trouble | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #silent = new Set<() => void>();
  #armed = false;
  #server: Server | undefined;
  #port = 0;

  constructor(model: string, ask: Ask, trouble?: Trouble) {
    this.model = model;
    this.#ask = ask;
    this.#trouble = trouble;
  }

  get #tls(): boolean {
    return this.#trouble?.fault === 'tls';
  }

  get url(): string {
    return `${this.#tls ? 'https' : 'http'}://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<this> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** From now on the trouble is there. */
  async arm(): Promise<void> {
    this.#armed = true;
    if (this.#trouble?.fault === 'refuse') await this.close();
  }

  /** Resolves when the server has fallen silent in the middle of a request. */
  get silent(): Promise<void> {
    return new Promise((resolve) => this.#silent.add(resolve));
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const { fault, phase } = this.#trouble ?? {};
    if (this.#armed && phase === 'connect') {
      if (fault === 'blackhole') this.#fallSilent();
      else if (fault === 'reset') socket.resetAndDestroy();
      else socket.destroy();
      return;
    }
    if (!this.#tls) {
      this.#read(socket, socket);
      return;
    }
    const secure = new tls.TLSSocket(socket, { isServer: true, key: KEY, cert: CERTIFICATE });
    secure.on('error', () => {});
    this.#read(secure, socket);
  }

  /** @param below the connection under TLS, or the same one */
  #read(socket: Socket, below: Socket): void {
    let bytes = '';
    socket.on('end', () => socket.end());
    socket.on('data', (data) => {
      bytes += data.toString('latin1');
      for (let end = requestEnd(bytes); end !== undefined; end = requestEnd(bytes)) {
        const request = bytes.slice(0, end);
        bytes = bytes.slice(end);
        void this.#answer(request, socket, below);
      }
    });
  }

  async #answer(request: string, socket: Socket, below: Socket): Promise<void> {
    const probe = PROBE.exec(request)?.[1];
    if (probe !== undefined) {
      socket.write(answer(200, JSON.stringify(this.#probe(probe))));
      return;
    }
    // The proxy tries suspects out by itself: those requests are not the client's.
    if (request.includes(`\r\nx-request-id: ${this.model}\r\n`)) this.hits++;
    const status = this.#armed && this.#trouble !== undefined ? STATUS[this.#trouble.fault] : undefined;
    if (status !== undefined) {
      socket.write(answer(...status));
      return;
    }
    const { type, pieces } = this.#ask;
    const head = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`;
    const [first = '', ...rest] = pieces;
    const steps: readonly (readonly [Phase, string])[] = [
      ['head', head],
      ['first piece', chunk(first)],
      ['mid-answer', rest.map(chunk).join('')],
      ['last chunk', END],
    ];
    for (const [phase, text] of steps) {
      const troubled = this.#armed && this.#trouble?.phase === phase;
      if (troubled && !(await this.#strike(this.#trouble.fault, phase, socket, below))) return;
      await write(socket, text);
    }
  }

  /** @returns whether the answer goes on */
  async #strike(fault: Fault, phase: Phase, socket: Socket, below: Socket): Promise<boolean> {
    const { speech, garbage } = this.#ask;
    switch (fault) {
      case 'reset':
        socket.resetAndDestroy();
        return false;
      case 'cut':
        socket.destroySoon();
        return false;
      case 'half-close':
        socket.end();
        return false;
      case 'tls':
        // With the goodbye of TLS left out.
        below.destroySoon();
        return false;
      case 'slow':
        await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
        return true;
      case 'error line':
        await write(
          socket,
          chunk(this.#ask.kind === 'stream' ? speech.error('CUDA error') : '{"error":"CUDA error"}') + END,
        );
        return false;
      case 'garbage':
        await write(
          socket,
          phase === 'head' ? 'garbage\r\n\r\n' : phase === 'first piece' ? chunk(garbage) + END : 'zz\r\n',
        );
        return false;
      default:
        this.#fallSilent();
        return false;
    }
  }

  #fallSilent(): void {
    for (const tell of this.#silent) tell();
    this.#silent.clear();
  }

  #probe(what: string): object {
    if (what === 'version') return { version: '0.32.15' };
    const { model } = this;
    const loaded = { size_vram: 1, context_length: 4096, expires_at: '2318-01-01T00:00:00Z', details: {} };
    return { models: [{ name: model, model, digest: `sha256:${model}`, size: 1, ...loaded }] };
  }
}

/** Writes and waits until it has left and the event loop has turned, so that it travels apart from what comes next. */
const write = (socket: Socket, text: string): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.write(text, () => setImmediate(resolve));
  });
