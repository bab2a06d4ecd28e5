import type { Backend, Runner } from '../../src/backends/backend.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { Outcome } from '../../src/core/types.ts';
import type { Decision, Place } from '../../src/dispatch/reserve.ts';
import type { Journal } from './journal.ts';
import type { ChaosProxy, Watcher } from './proxy.ts';
import type { End, Request, RequestWatcher } from './request.ts';
import type { ChaosServer } from './server.ts';

/** A promise was broken. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** Moments between two looks at everything that did not change in them. */
const WHOLE_EVERY = 64;
/** The pulse asks everybody again, and those who leaned a moment ago are left in peace for 20 ms. */
const NOTICED_MS = 300;
/** ms after its time at which a wait must have been ended by its timer. */
const LATE_MS = 1_000;

export interface Told {
  readonly ends: Map<End, number>;
  /** Errors by what the clients were told. */
  readonly codes: Map<string, number>;
  worstWaitMs: number;
  attempts: number;
  panics: number;
  moments: number;
}

/** Keeps its own books of everything, and compares. */
export class Checker implements Watcher, RequestWatcher {
  readonly told: Told = { ends: new Map(), codes: new Map(), worstWaitMs: 0, attempts: 0, panics: 0, moments: 0 };
  readonly open = new Set<Request>();
  readonly #waiting = new Set<Request>();
  readonly #books = new Map<Runner, number>();
  readonly #idleSince = new Map<Backend, number>();
  readonly #servers: ReadonlyMap<string, ChaosServer>;
  readonly #journal: Journal;
  readonly #now: () => number;
  #proxy: ChaosProxy | undefined;
  #panicked = false;
  #mostWaiting = 0;

  constructor(servers: ReadonlyMap<string, ChaosServer>, journal: Journal, now: () => number) {
    this.#servers = servers;
    this.#journal = journal;
    this.#now = now;
  }

  /** Nobody has anything under way. */
  get idle(): boolean {
    return this.open.size === 0 && this.#books.size === 0;
  }

  watch(proxy: ChaosProxy): void {
    this.#proxy = proxy;
  }

  note(text: string): void {
    this.#journal.note(this.#now(), text);
  }

  // ---- what the proxy does ----

  panicked(): void {
    this.#panicked = true;
    this.told.panics++;
  }

  own(runner: Runner, taken: boolean): void {
    this.#book(runner, taken ? 1 : -1);
    if (taken) this.#withinSlots(runner, 'the proxy itself');
  }

  decided({ outlook, runners, chosen, wish }: Decision): void {
    if (outlook === undefined) return;
    for (let i = 0; i < outlook.size; i++) {
      const sum =
        (outlook.wait[i] ?? 0) +
        (outlook.load[i] ?? 0) +
        (outlook.prefill[i] ?? 0) +
        (outlook.decode[i] ?? 0) +
        (outlook.evict[i] ?? 0) +
        (outlook.harm[i] ?? 0) +
        (outlook.freshWork[i] ?? 0) +
        (outlook.cached[i] ?? 0) +
        (outlook.backlog[i] ?? 0) +
        (outlook.slowdown[i] ?? 0) +
        (outlook.slowFirst[i] ?? 0) +
        (outlook.slowToken[i] ?? 0);
      this.#holds(
        Number.isFinite(sum) && sum >= 0,
        () => `${wish.id}: what is foreseen at ${runners[i]?.id} is ${sum}`,
      );
    }
    this.#holds(runners[chosen] !== undefined, () => `${wish.id}: row ${chosen} was chosen, which is nobody`);
  }

  // ---- what requests do ----

  waits(request: Request, yes: boolean): void {
    if (yes) this.#waiting.add(request);
    else this.#waiting.delete(request);
  }

  sent(request: Request, { runner }: Place): void {
    const { backend, model, facts } = runner;
    const where = `${request.name} to ${runner.id}`;
    this.note(`send ${where}`);
    this.told.attempts++;
    this.#holds(request.place === undefined, () => `${where}: it is at ${request.place?.runner.id} already`);
    this.#holds(request.open, () => `${where}: it has ended`);
    this.#holds(this.#theProxy.registry.get(runner.backendId) === backend, () => `${where}: that is not configured`);
    this.#holds(backend.enabled && !backend.draining && backend.health === 'up', () => `${where}: that takes nothing`);
    this.#holds(model === request.ask.model.name, () => `${where}: ${request.ask.model.name} was asked for`);
    const before = request.attempts.filter(({ backend: id }) => id === runner.backendId);
    // A connection that breaks on the first attempt says little: where nobody else is left that server is asked again.
    const again = before.length === 1 && before[0] === request.attempts[0] && isReset(before[0]?.outcome);
    this.#holds(before.length === 0 || again, () => `${where}: it has failed there before`);
    const out = isOpen(runner, this.#theProxy.time.now()) || isOpen(backend, this.#theProxy.time.now());
    this.#holds(!out || this.#panicked, () => `${where}: its breaker is open`);
    this.#panicked = false;
    this.#holds(
      [...request.attempts].every(({ outcome }) => outcome.kind === 'backend-failed' && outcome.phase !== 'body'),
      () => `${where}: its client has seen a byte`,
    );
    this.#book(runner, 1);
    if (facts !== undefined) this.#withinSlots(runner, request.name);
  }

  back(request: Request, { runner }: Place): void {
    this.note(`${request.name} is over at ${runner.id}`);
    this.#book(runner, -1);
  }

  arrived(request: Request): void {
    this.open.add(request);
  }

  ended(request: Request, end: End, code: ErrorCode | undefined): void {
    this.note(`${request.name} ${end}${code === undefined ? '' : ` ${code}`}`);
    this.#holds(request.ends.length === 1, () => `${request.name} ended twice: ${request.ends.join(', ')}`);
    this.#holds(request.place === undefined, () => `${request.name} ended and is at ${request.place?.runner.id}`);
    this.open.delete(request);
    const { ends, codes } = this.told;
    ends.set(end, (ends.get(end) ?? 0) + 1);
    if (code !== undefined) codes.set(code, (codes.get(code) ?? 0) + 1);
    this.told.worstWaitMs = Math.max(this.told.worstWaitMs, request.waitedMs);
    this.#fair(request, end, code);
  }

  // ---- promises ----

  /**
   * Nobody is told an error before the first byte while a good server could have taken the request. A server is good
   * for a request if it would answer it, had the model at the last look, is in service as far as operator, probes and
   * breakers say, and was not tried with it. Where the queue says no, a good server must have had room, too, for longer than the proxy needs to notice.
   * What the request brought on itself is no such case: it used up its attempts, its time, or the budget of retries,
   * it was deadly to two runners, or its client set a deadline that is out of reach.
   */
  #fair(request: Request, end: End, code: ErrorCode | undefined): void {
    if (end === 'served' || end === 'left' || end === 'cut' || request.stop !== undefined) return;
    if (end === 'late') return;
    const queued = code === 'queue_full' || code === 'queue_timeout';
    const good = [...this.#servers.values()].filter((server) => this.#good(server, request, queued));
    this.#holds(
      good.length === 0,
      () =>
        `${request.name} for ${request.ask.model.name} ${end} with ${code} while ${good.map(({ id }) => id).join()} is good for it`,
    );
  }

  #good(server: ChaosServer, { ask, tried }: Request, withRoom: boolean): boolean {
    const { registry, time } = this.#theProxy;
    const backend = registry.get(server.id);
    const runner = backend?.runners.get(ask.model.name);
    if (backend === undefined || runner === undefined || !server.answers(ask.model)) return false;
    // What came since the last look is not known yet.
    if (!backend.installed.has(ask.model.name)) return false;
    if (tried.backends.has(server.id) || tried.runners.has(runner.id) || !registry.takes(runner)) return false;
    if (!withRoom) return true;
    const { facts } = runner;
    const at = time.now();
    if (facts === undefined || facts.host.saturatedUntil > at - NOTICED_MS) return false;
    if (facts.host.works.length === 0) return at - (this.#idleSince.get(backend) ?? at) > NOTICED_MS;
    return false;
  }

  #withinSlots({ facts, backend, id }: Runner, who: string): void {
    const { slots } = backend.config;
    const works = facts?.works.length ?? 0;
    if (slots === 'auto') return;
    this.#holds(works <= slots, () => `${who} is one of ${works} at ${id}, which has ${slots} slots`);
  }

  /** After every moment in which something happened. */
  check(): void {
    const { gate, settings } = this.#theProxy;
    this.told.moments++;
    this.#panicked = false;
    for (const [runner, count] of this.#books) this.#ledger(runner, count);
    this.#holds(gate.size === this.#waiting.size, () => `${gate.size} wait, and ${this.#waiting.size} have no answer`);
    this.#mostWaiting = Math.max(this.#mostWaiting, settings.maxWaiting);
    if (gate.size > this.#mostWaiting) this.#bounded();
    if (this.told.moments % WHOLE_EVERY === 0) this.#everything();
  }

  #ledger(runner: Runner, count: number): void {
    const { running, facts, id } = runner;
    const works = facts?.works.length ?? count;
    this.#holds(running === count && works === count, () => `${id}: ${running} run, ${works} at work, ${count} sent`);
    if (count === 0) this.#books.delete(runner);
  }

  #bounded(): void {
    let fresh = 0;
    for (const { tried } of this.#waiting) if (tried.last === undefined) fresh++;
    this.#holds(fresh <= this.#mostWaiting, () => `${fresh} wait, where ${this.#mostWaiting} may`);
  }

  #everything(): void {
    const { registry, time, facts } = this.#theProxy;
    const at = time.now();
    for (const backendId of registry.ids()) {
      const backend = registry.get(backendId);
      if (backend === undefined) continue;
      let sum = 0;
      for (const runner of backend.runners.values()) {
        const count = this.#books.get(runner) ?? 0;
        sum += count;
        this.#ledger(runner, count);
      }
      this.#holds(backend.inflight === sum, () => `${backendId}: ${backend.inflight} in flight, ${sum} sent`);
    }
    if (!time.stopped) {
      for (const { name, waitsSince, mostWaitMs } of this.#waiting) {
        const waits = at - (waitsSince ?? at);
        this.#holds(
          waits <= Math.max(0, mostWaitMs) + LATE_MS,
          () => `${name} waits for ${waits} ms, ${mostWaitMs} at most`,
        );
      }
    }
    this.#holds(Number.isFinite(facts.serviceMs(at)), () => `a request takes ${facts.serviceMs(at)} ms`);
  }

  /** Once everything has come to its end. @param forgottenAt when nothing is expected to be in memory any more */
  atRest(forgottenAt: number): void {
    const { gate, registry, facts } = this.#theProxy;
    this.check();
    this.#everything();
    const [first] = this.open;
    this.#holds(first === undefined, () => `${first?.name} never ended: ${this.open.size} did not`);
    const left = [gate.size, gate.bytes, gate.depth('interactive'), gate.depth('normal'), gate.depth('batch')];
    this.#holds(
      left.every((each) => each === 0),
      () => `the queue is empty and counts ${left.join(', ')}`,
    );
    for (const id of registry.ids()) {
      const host = facts.host(id);
      const counts = [registry.get(id)?.inflight, host.works.length, host.loads.length, host.residency.pendingLoads()];
      this.#holds(
        counts.every((each) => each === 0),
        () => `${id} is at rest and counts ${counts.join(', ')}`,
      );
      const held = this.#servers.get(id)?.machine.runners() ?? [];
      for (const { model } of host.residency.list(forgottenAt)) {
        const holds = held.some((runner) => runner.model.name === model);
        this.#holds(holds, () => `${id}: ${model} is thought to be in memory for ever`);
      }
    }
  }

  // ---- books ----

  #book(runner: Runner, more: number): void {
    this.#books.set(runner, (this.#books.get(runner) ?? 0) + more);
    this.#idleSince.set(runner.backend, this.#theProxy.time.now());
  }

  get #theProxy(): ChaosProxy {
    if (this.#proxy === undefined) throw new Error('nobody is watched');
    return this.#proxy;
  }

  #holds(holds: boolean, what: () => string): void {
    if (!holds) throw new Broken(what());
  }
}

const isReset = (outcome: Outcome | undefined): boolean =>
  outcome?.kind === 'backend-failed' && outcome.reason === 'reset';

const isOpen = ({ breaker }: Backend | Runner, at: number): boolean =>
  breaker.state === 'open' && breaker.lasts !== undefined && at < breaker.since + breaker.lasts;
