import http from 'node:http';
import https from 'node:https';
import type { ConnectOptions } from './backend-tls.ts';

/** The two ways to an address. */
export interface AgentPair {
  /** Its connections are used again. */
  readonly kept: http.Agent;
  /** A new connection for each request. */
  readonly once: http.Agent;
}

/** Agents for passed-through requests by `http://host:port`, made at the first use. */
export class Agents {
  readonly #pairs = new Map<string, AgentPair>();
  readonly #connects = new Map<string, ConnectOptions>();

  of(origin: string): AgentPair {
    let pair = this.#pairs.get(origin);
    if (pair === undefined) {
      const Agent = origin.startsWith('https:') ? https.Agent : http.Agent;
      const options = this.#connects.get(origin);
      pair = { kept: new Agent({ keepAlive: true, ...options }), once: new Agent({ ...options }) };
      this.#pairs.set(origin, pair);
    }
    return pair;
  }

  /** How connections to an address are made from now on. */
  configure(origin: string, options: ConnectOptions): void {
    this.#connects.set(origin, options);
    this.renew(origin);
  }

  /** Requests to come go over new connections; what runs is left to finish. */
  renew(origin: string): void {
    const pair = this.#pairs.get(origin);
    this.#pairs.delete(origin);
    if (pair !== undefined) retire(pair.kept);
  }

  /** Ends everything to an address at once. */
  cut(origin: string): void {
    const pair = this.#pairs.get(origin);
    this.#pairs.delete(origin);
    pair?.kept.destroy();
    pair?.once.destroy();
  }

  /** Lets go of addresses that no backend has any more; what runs is left to finish. */
  keep(origins: ReadonlySet<string>): void {
    for (const origin of [...this.#pairs.keys(), ...this.#connects.keys()]) {
      if (origins.has(origin)) continue;
      this.renew(origin);
      this.#connects.delete(origin);
    }
  }

  /** Ends everything at once. */
  close(): void {
    for (const origin of [...this.#pairs.keys()]) this.cut(origin);
  }
}

/** Closes what is idle now, and what becomes idle when its request is over. */
const retire = (agent: http.Agent): void => {
  agent.keepSocketAlive = () => false;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
};
