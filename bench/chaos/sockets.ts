import http from 'node:http';
import { seededRng } from '../../src/core/rng.ts';
import { PRIORITY_CLASSES } from '../../src/core/types.ts';
import { STRATEGY_NAMES } from '../../src/routing/index.ts';
import type { Fault } from '../../src/sim/http/faults.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { chanceOf, type Chance } from './chance.ts';
import { ask, questionOf, type Seen } from './client.ts';
import type { Front, StartFront } from './front.ts';
import { Relay } from './relay.ts';

export interface SocketOptions {
  readonly seed: number;
  /** For how long requests come, in ms of real time. */
  readonly durationMs: number;
  readonly servers: number;
  /** Mean ms between two mishaps, and between two requests. */
  readonly calmMs: number;
  readonly gapMs: number;
  /** Requests that are open at a time at most: those that would come beyond that do not, however slow this machine is. */
  readonly mostOpen: number;
  /** Starts the proxy. */
  readonly front: StartFront;
  /** More keys of its configuration, as YAML. */
  readonly config?: string;
  /** Told of what happens. */
  readonly note: (text: string) => void;
}

export interface SocketResult {
  readonly ends: ReadonlyMap<Seen['end'], number>;
  readonly codes: ReadonlyMap<string, number>;
  readonly mishaps: ReadonlyMap<string, number>;
  /** ms that a request waited in the queue at most, as its headers say. */
  readonly worstWaitMs: number;
  /** What did not hold. */
  readonly wrong: readonly string[];
}

const MODELS = ['llama3.2:1b', 'llama3.2:3b', 'qwen2.5-coder:1.5b'];
/** A hundred times faster than life: a mishap and what comes of it fit into seconds. */
const TIME_SCALE = 0.01;
const SLOTS = 2;
const ATTEMPTS = 3;
/** Nobody may wait for longer than this once everything is mended. */
const END_MS = 60_000;
const TELL_MS = 20;

interface Site {
  readonly name: string;
  readonly sim: SimServer;
  readonly relay: Relay;
  configured: boolean;
  weight: number;
  busy: boolean;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The same as in virtual time over real sockets: the whole proxy, simulated servers behind networks that break. */
class SocketChaos {
  readonly #options: SocketOptions;
  readonly #chance: Chance;
  readonly #mishapChance: Chance;
  readonly #sites: Site[] = [];
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #ends = new Map<Seen['end'], number>();
  readonly #codes = new Map<string, number>();
  readonly #mishaps = new Map<string, number>();
  readonly #wrong: string[] = [];
  readonly #open = new Set<Promise<void>>();
  /** Mishaps under way; each mends itself. */
  readonly #under = new Set<Promise<void>>();
  #worstWaitMs = 0;
  #front: Front | undefined;
  #strategy = 'hybrid';
  #number = 0;
  readonly #hurry = new AbortController();

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#chance = chanceOf(seededRng(options.seed));
    this.#mishapChance = chanceOf(seededRng(options.seed + 1_000_003));
  }

  async result(): Promise<SocketResult> {
    try {
      await this.#start();
      const until = performance.now() + this.#options.durationMs;
      await Promise.all([this.#traffic(until), this.#mishapsUntil(until)]);
      this.#hurry.abort();
      await Promise.all(this.#under);
      await this.#mendAll();
      await this.#allEnd();
      await this.#atRest();
    } finally {
      this.#agent.destroy();
      await this.#front?.stop();
      for (const { relay, sim } of this.#sites) {
        await relay.become('closed');
        await sim.close();
      }
    }
    return {
      ends: this.#ends,
      codes: this.#codes,
      mishaps: this.#mishaps,
      worstWaitMs: this.#worstWaitMs,
      wrong: this.#wrong,
    };
  }

  // ---- the pool ----

  async #start(): Promise<void> {
    for (let i = 0; i < this.#options.servers; i++) {
      const name = `s${i}`;
      const sim = await startSim({
        name,
        seed: this.#options.seed + i,
        timeScale: TIME_SCALE,
        slots: SLOTS,
        models: i === 0 ? MODELS : MODELS.filter(() => this.#chance.yes(0.8)),
      });
      const relay = new Relay(sim.port);
      await relay.become('open');
      this.#sites.push({ name, sim, relay, configured: true, weight: 1, busy: false });
    }
    this.#front = await this.#options.front(() => this.#config());
  }

  #config(): string {
    const backends = this.#sites
      .filter(({ configured }) => configured)
      .map(({ name, relay, weight }) => ({ name, url: relay.url, weight, slots: SLOTS }));
    return [
      'listen: 127.0.0.1:0',
      'admin: { listen: 127.0.0.1:0 }',
      `backends: ${JSON.stringify(backends)}`,
      `routing: { strategy: ${this.#strategy} }`,
      // A busy machine is no dead server: the one that is well must never be taken for one that is not.
      'health: { interval: 500ms, timeout: 20s }',
      'circuit_breaker: { timeout: 500ms }',
      // What is counted against a budget depends on the speed of this machine: here it is never used up.
      `retry: { max_attempts: ${ATTEMPTS}, budget: 1 }`,
      'queue: { max_wait: 20s, max_waiting: 500, shed: false }',
      'limits: { stream_idle_timeout: 3s }',
      this.#options.config ?? '',
    ].join('\n');
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${this.#front?.admin}/admin/v1/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    // A server may have been taken out of the configuration meanwhile.
    if (!answer.ok && answer.status !== 404) this.#wrong.push(`${method} ${path}: ${answer.status} ${text}`);
    return answer.ok && text !== '' ? (JSON.parse(text) as unknown) : undefined;
  }

  // ---- traffic ----

  async #traffic(until: number): Promise<void> {
    while (performance.now() < until) {
      const burst = this.#chance.yes(0.1) ? 20 : 1;
      for (let i = 0; i < burst; i++) this.#asks();
      await pause(this.#chance.about(this.#options.gapMs * burst));
    }
  }

  #asks(): void {
    const chance = this.#chance;
    if (this.#open.size >= this.#options.mostOpen) return;
    const question = questionOf({
      number: this.#number++,
      model: chance.one(MODELS),
      dialect: chance.one(['chat', 'generate', 'openai']),
      stream: chance.yes(0.7),
      priority: chance.one(PRIORITY_CLASSES),
      session: `session ${chance.whole(1, 20)}`,
      leavesMs: chance.yes(0.1) ? chance.spread(1, 500) : undefined,
      words: chance.whole(1, 60),
    });
    const asked = ask(this.#front?.origin ?? '', this.#agent, question).then((seen) => this.#saw(seen));
    this.#open.add(asked);
    void asked.finally(() => this.#open.delete(asked));
  }

  #saw({ question, end, code, status, attempts, queueMs, body, wrong }: Seen): void {
    this.#ends.set(end, (this.#ends.get(end) ?? 0) + 1);
    const said = end === 'refused' ? code || `status ${status}` : code;
    if (said !== '') this.#codes.set(said, (this.#codes.get(said) ?? 0) + 1);
    this.#worstWaitMs = Math.max(this.#worstWaitMs, queueMs);
    const who = `request ${question.number} for ${question.model} (${question.dialect}${question.stream ? ', stream' : ''})`;
    if (wrong !== '') this.#wrong.push(`${who}: ${wrong}: ${body.slice(0, 300)}`);
    // The first server has every model and is well all the time, so that only who was tried as often as may be fails.
    const unlucky = attempts >= ATTEMPTS || body.includes('this very request') || code.startsWith('queue_');
    if (end === 'refused' && !unlucky) this.#wrong.push(`${who} was told ${status} ${code} after ${attempts}: ${body}`);
  }

  // ---- mishaps ----

  async #mishapsUntil(until: number): Promise<void> {
    while (performance.now() < until) {
      await pause(Math.min(until - performance.now(), this.#mishapChance.about(this.#options.calmMs)));
      const one = this.#mishap().catch(
        (error: unknown) => void this.#wrong.push(`a mishap went wrong: ${String(error)}`),
      );
      this.#under.add(one);
      void one.finally(() => this.#under.delete(one));
    }
  }

  #happens(kind: string, text: string): void {
    this.#mishaps.set(kind, (this.#mishaps.get(kind) ?? 0) + 1);
    this.#options.note(`${kind} ${text}`);
  }

  /** So many ms, or until everything is over. */
  #lasting(least: number, most: number): Promise<void> {
    const ms = this.#mishapChance.spread(least, most);
    const { signal } = this.#hurry;
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      if (signal.aborted) over();
      else signal.addEventListener('abort', over, { once: true });
    });
  }

  async #mishap(): Promise<void> {
    const chance = this.#mishapChance;
    const site = chance.one(this.#sites.slice(1));
    const kind = chance.next();
    if (kind < 0.1) {
      this.#strategy = chance.one(STRATEGY_NAMES);
      this.#happens('strategy switch', this.#strategy);
      await this.#call('PUT', 'strategy', { strategy: this.#strategy });
      return;
    }
    if (kind < 0.2) {
      site.weight = chance.one([0.5, 1, 3]);
      await this.#reload('reload', site);
      return;
    }
    if (site.busy) return;
    site.busy = true;
    try {
      if (kind < 0.3) await this.#kill(site);
      else if (kind < 0.5) await this.#network(site);
      else if (kind < 0.6) await this.#outOfService(site);
      else if (kind < 0.65) await this.#removed(site);
      else await this.#fault(site);
    } finally {
      site.busy = false;
    }
  }

  async #reload(kind: string, { name }: Site): Promise<void> {
    this.#happens(kind, name);
    await this.#reread();
  }

  async #kill(site: Site): Promise<void> {
    this.#happens('kill', site.name);
    await site.sim.kill();
    await this.#lasting(50, 3_000);
    await site.sim.restart();
  }

  async #network(site: Site): Promise<void> {
    const chance = this.#mishapChance;
    if (chance.yes(0.3)) {
      this.#happens('connections reset', site.name);
      site.relay.breakAll();
      return;
    }
    const state = chance.one(['silent', 'closed'] as const);
    this.#happens(state === 'silent' ? 'partition' : 'refuse', site.name);
    await site.relay.become(state);
    await this.#lasting(50, 4_000);
    if (chance.yes(0.3)) site.relay.breakAll();
    await site.relay.become('open');
  }

  async #outOfService({ name }: Site): Promise<void> {
    const drain = this.#mishapChance.yes(0.5);
    this.#happens(drain ? 'drain' : 'disable', name);
    await this.#call('PATCH', `backends/${name}`, drain ? { drain: true } : { enabled: false });
    await this.#lasting(100, 3_000);
    await this.#call('PATCH', `backends/${name}`, drain ? { drain: false } : { enabled: true });
  }

  async #removed(site: Site): Promise<void> {
    site.configured = false;
    await this.#reload('remove', site);
    await this.#lasting(50, 3_000);
    site.configured = true;
    await this.#reload('add', site);
  }

  async #fault(site: Site): Promise<void> {
    const chance = this.#mishapChance;
    const afterLines = chance.whole(0, 6);
    const fault: Fault = chance.one<Fault>([
      { kind: 'hang', inferenceOnly: true },
      { kind: 'reset', inferenceOnly: true },
      { kind: 'status', status: 500, inferenceOnly: true },
      { kind: 'status', status: 503, inferenceOnly: true },
      { kind: 'error-first' },
      { kind: 'error-line', afterLines },
      { kind: 'cut', afterLines, how: 'reset' },
      { kind: 'cut', afterLines, how: 'fin' },
      { kind: 'end-early', afterLines },
      { kind: 'stall', afterLines },
      { kind: 'slow', factor: 10 },
      { kind: 'garbage', what: 'bytes', inferenceOnly: true },
      { kind: 'garbage', what: 'json', inferenceOnly: true },
    ]);
    this.#happens(fault.kind === 'status' ? `status ${fault.status}` : fault.kind, site.name);
    const handle = site.sim.faults.set({ ...fault, probability: chance.one([1, 0.3]) });
    await this.#lasting(100, 3_000);
    handle.clear();
    // Whatever hangs there hangs for good.
    if (fault.kind === 'hang' || fault.kind === 'stall') site.relay.breakAll();
  }

  // ---- the end ----

  async #mendAll(): Promise<void> {
    for (const site of this.#sites) {
      site.configured = true;
      site.sim.faults.clear();
      await site.relay.become('open');
    }
    await this.#reread();
  }

  async #reread(): Promise<void> {
    await this.#front?.rewrite();
    await this.#call('POST', 'config/reload');
  }

  async #allEnd(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#wrong.push(`${this.#open.size} requests have no end ${END_MS} ms after everything was mended`);
        resolve();
      }, END_MS);
    });
    await Promise.race([Promise.all(this.#open), tooLong]);
    clearTimeout(timer);
  }

  /** Once nobody asks any more nothing is in flight and nobody waits. What the proxy itself asks may take a moment. */
  async #atRest(): Promise<void> {
    const until = performance.now() + END_MS;
    for (;;) {
      const backends = (await this.#call('GET', 'backends')) as {
        backends: readonly { name: string; inflight: number }[];
      };
      const queue = (await this.#call('GET', 'queue')) as { waiting: Readonly<Record<string, number>> };
      const waiting = Object.values(queue.waiting).reduce((sum, each) => sum + each, 0);
      const held = backends.backends.filter(({ inflight }) => inflight > 0);
      if (held.length === 0 && waiting === 0) return;
      if (performance.now() > until) {
        const names = held.map(({ name, inflight }) => `${name}: ${inflight}`).join(', ');
        this.#wrong.push(`at rest, ${waiting} wait and these are in flight: ${names}`);
        return;
      }
      await pause(TELL_MS);
    }
  }
}

/** Plays it for a while in real time, and tells what came of it. */
export const socketChaos = (options: SocketOptions): Promise<SocketResult> => new SocketChaos(options).result();
