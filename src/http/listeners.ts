import { closeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Server as TcpServer } from 'node:net';
import { listenerProblems } from '../config/listeners.ts';
import type { Config, HostPort, ListenerTls } from '../config/types.ts';
import { formatHostPort } from '../config/units.ts';
import { errorText } from '../core/errors.ts';
import type { Checked, Issue, Log } from '../core/types.ts';
import { Listener, type ListenerOptions } from './server.ts';
import { loadListenerTls, type LoadedTls } from './tls.ts';

export type ListenerName = 'proxy' | 'admin' | 'metrics';

/** A socket that listens already when the process begins: from the one before it, or from a service manager. */
export interface HandedSocket {
  readonly fd: number;
  /** What the configuration called its address where it was opened; undefined = whatever it says. */
  readonly address: string | undefined;
}

export type HandedSockets = Readonly<Partial<Record<ListenerName, HandedSocket>>>;

/** What is handed down to the next process. */
export interface OpenSocket {
  readonly name: ListenerName;
  readonly address: string;
  readonly socket: TcpServer;
}

/** Certificates of the listeners that have any, read and not in force yet. */
export type LoadedCertificates = ReadonlyMap<ListenerName, LoadedTls>;

export interface Bound {
  readonly proxy: HostPort;
  readonly admin: HostPort;
  readonly metrics: HostPort | undefined;
}

export interface ListenersParts {
  readonly handle: Readonly<Record<ListenerName, ListenerOptions['handle']>>;
  readonly handed: HandedSockets;
  readonly log: Log;
  /** ms since 1970, which certificates go by. */
  readonly wall: () => number;
}

const tlsOf = (config: Config): readonly (readonly [ListenerName, string, ListenerTls | undefined])[] => [
  ['proxy', 'tls', config.tls],
  ['admin', 'admin.tls', config.admin.tls],
  ['metrics', 'metrics.tls', config.metrics.listen === undefined ? undefined : config.metrics.tls],
];

/** Reads the certificates of all listeners, or none; changes nothing. */
export const loadCertificates = (config: Config): Checked<LoadedCertificates> => {
  const issues: Issue[] = [];
  const loaded = new Map<ListenerName, LoadedTls>();
  for (const [name, path, tls] of tlsOf(config)) {
    if (tls === undefined) continue;
    const result = loadListenerTls(tls, path);
    if (result.ok) loaded.set(name, result.value);
    else issues.push(...result.issues);
  }
  return issues.length === 0 ? { ok: true, value: loaded } : { ok: false, issues };
};

/** The addresses that the process listens on. */
export class Listeners {
  readonly #parts: ListenersParts;
  readonly #open = new Map<ListenerName, { readonly listener: Listener; readonly address: string }>();
  /** File descriptors of sockets that were handed down and are listened on. */
  readonly #used = new Set<number>();
  #certificates: LoadedCertificates = new Map();

  constructor(parts: ListenersParts) {
    this.#parts = parts;
  }

  /**
   * Opens all of them, the one for clients last.
   * @throws the system's error when an address cannot be bound; `destroy` closes what was opened
   */
  async open(config: Config, certificates: LoadedCertificates): Promise<Bound> {
    this.#certificates = certificates;
    this.#tell(certificates);
    const admin = await this.#listen('admin', config.admin.listen, config);
    // The configuration has been checked; a socket that was handed down may be bound to anything.
    const [problem] = listenerProblems([{ name: 'admin', address: admin }], config.admin.token);
    if (problem !== undefined) throw new Error(problem.message);
    const metrics = config.metrics.listen && (await this.#listen('metrics', config.metrics.listen, config));
    const proxy = await this.#listen('proxy', config.listen, config);
    this.#closeUnused();
    return { proxy, admin, metrics };
  }

  /** Whoever connects to a socket that is open and not in use would wait for ever. */
  #closeUnused(): void {
    for (const [name, given] of Object.entries(this.#parts.handed)) {
      if (this.#used.has(given.fd)) continue;
      closeSync(given.fd);
      const fields = { event: 'socket-unused', listener: name, address: given.address };
      this.#parts.log.info(fields, `the socket of the ${name} listener that was handed down is not in use any more`);
    }
  }

  #listen(name: ListenerName, address: HostPort, { limits }: Config): Promise<HostPort> {
    const { handle, handed, log } = this.#parts;
    const text = formatHostPort(address);
    const given = handed[name];
    const fits = given !== undefined && (given.address === undefined || given.address === text);
    const listener = new Listener({
      address,
      headerBytes: limits.headerBytes,
      connections: limits.connections,
      headTimeoutMs: limits.headTimeoutMs,
      handle: handle[name],
      tls: this.#certificates.get(name),
      fd: fits ? given.fd : undefined,
      fault: (error: unknown, req: IncomingMessage) => {
        const fields = {
          event: 'request-fault',
          listener: name,
          path: req.url?.split('?', 1)[0],
          error: errorText(error),
        };
        log.error(
          { ...fields, stack: error instanceof Error ? error.stack : undefined },
          'a request hit a fault of the proxy itself',
        );
      },
    });
    if (fits) this.#used.add(given.fd);
    this.#open.set(name, { listener, address: text });
    return listener.listen();
  }

  /**
   * New connections get these certificates.
   * @returns settings that only a start can follow: whether there is TLS, and whether clients show certificates
   */
  renew(next: LoadedCertificates): readonly string[] {
    const later: string[] = [];
    const renewed = new Map<ListenerName, LoadedTls>();
    for (const [name, { listener }] of this.#open) {
      const path = name === 'proxy' ? 'tls' : `${name}.tls`;
      const [before, after] = [this.#certificates.get(name), next.get(name)];
      if ((before === undefined) !== (after === undefined)) later.push(path);
      else if (before?.asksClients !== after?.asksClients) later.push(`${path}.client_ca`);
      else if (before !== undefined && after !== undefined && !sameContext(before, after)) {
        listener.renew(after);
        renewed.set(name, after);
      }
    }
    this.#certificates = new Map([...this.#certificates, ...renewed]);
    this.#tell(renewed);
    return later;
  }

  #tell(certificates: LoadedCertificates): void {
    for (const [name, { about }] of certificates) {
      const fields = { event: 'certificate', listener: name, ...about };
      const late = Date.parse(about.notAfter) < this.#parts.wall();
      if (late)
        this.#parts.log.warn(fields, `the certificate of the ${name} listener expired at ${about.notAfter}: renew it`);
      else
        this.#parts.log.info(fields, `the ${name} listener shows a certificate that is good until ${about.notAfter}`);
    }
  }

  /** What the next process may go on listening on. */
  get sockets(): readonly OpenSocket[] {
    return Array.from(this.#open, ([name, { listener, address }]) => ({ name, address, socket: listener.socket }));
  }

  /** Only the one for clients: the others go on telling what happens. Resolves when the last request has ended. */
  async drain(): Promise<void> {
    await this.#open.get('proxy')?.listener.drain();
  }

  /**
   * All of them, since another process listens there now. Resolves when the last request of a client has ended.
   * @param idleMs as of `Listener.drain`
   */
  async handOver(idleMs: number): Promise<void> {
    for (const [name, { listener }] of this.#open) if (name !== 'proxy') void listener.drain(idleMs);
    await this.#open.get('proxy')?.listener.drain(idleMs);
  }

  /** Ends everything at once. */
  destroy(): void {
    for (const { listener } of this.#open.values()) listener.destroy();
  }
}

const sameContext = ({ context: a }: LoadedTls, { context: b }: LoadedTls): boolean =>
  a.cert === b.cert && a.key === b.key && a.ca === b.ca;
