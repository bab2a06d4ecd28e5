import type { Demand, PrefixMark, RunnerShape } from '../core/demand.ts';
import { Outlook } from '../core/outlook.ts';
import type { Outcome, Usage } from '../core/types.ts';
import { Arrivals } from './arrivals.ts';
import { Copies } from './copies.ts';
import { DecayedMean } from './decayed.ts';
import { FactsState } from './facts-state.ts';
import { foresee, type Surroundings } from './foresee.ts';
import type { HostFacts } from './host.ts';
import { noteBlocked, teach, teachSlots } from './lesson.ts';
import type { LearnedLengths, PromptRatio } from './lengths.ts';
import { mayStart } from './may-start.ts';
import { numCtxFor, type NumCtxPolicy } from './num-ctx-policy.ts';
import type { LearnedMemory } from './prefix-index.ts';
import { isDeath } from './death.ts';
import { createParts, type FactsParts } from './parts.ts';
import type { SeenModel } from './residency.ts';
import type { RunnerFacts } from './runner.ts';
import { UsualShapes } from './usual-shape.ts';
import { Work, type Expectation } from './work.ts';

/** ms that a request takes where nothing was measured yet, and how firmly that is held, in requests. */
const DEFAULT_SERVICE_MS = 5_000;
const DEFAULT_SERVICE_WEIGHT = 3;
/** The mean of whole requests follows the last ten minutes or hundred requests. */
const SERVICE_TAU_MS = 600_000;
const SERVICE_MOST = 100;
/** A server that says it is full gets nothing new for half of what it has left, within these bounds. */
const SATURATED_LEAST_MS = 500;
const SATURATED_MOST_MS = 30_000;

/** As long as a server keeps an idle model by default: a shorter memory has forgotten it by the time it would go. */
const INTEREST_TAU_MS = 300_000;
/** Share of a load during which others may have been at work for its duration to say how long loads take. */
const ALONE_SHARE = 0.05;

/** A round trip follows the last ten or so looks; one that took longer than this says more of the server than the way. */
const ROUND_TRIP_SHARE = 0.1;
const MOST_ROUND_TRIP_MS = 1_000;
/** Models of which the largest context asked for is kept. */
const MOST_PINNED = 4_096;

/** How a request fits a runner. */
export interface Fit {
  /** What it must be sent with. */
  readonly shape: RunnerShape;
  /** As it came it would have made the server load the model again. */
  readonly avoided: boolean;
}

/** The queue of the proxy, as a forecast needs to know it. */
export interface Queued {
  readonly waiting: number;
  readonly hosts: number;
}

/**
 * Everything that was learned about the servers, and the requests that are under way on them: what happened goes in by
 * `sent`, `began`, `ended` and `seen`, what is to be expected comes out by `foresee`. Pure; time is an argument.
 */
export class Facts {
  readonly lengths: LearnedLengths;
  readonly ratios: PromptRatio;
  readonly arrivals = new Arrivals();
  /** The same over minutes: what the keeping of models goes by. */
  readonly interest = new Arrivals(INTEREST_TAU_MS);
  readonly shapes = new UsualShapes();
  /** What of all this outlives the process. */
  readonly state: FactsState;
  readonly #parts: FactsParts;
  readonly #hosts = new Map<string, HostFacts>();
  readonly #service = new DecayedMean(SERVICE_TAU_MS, SERVICE_MOST);
  readonly #outlook = new Outlook();
  readonly #copies = new Copies(this.#hosts);
  /** Memories of the runners that are foreseen now. */
  readonly #memories: LearnedMemory[] = [];
  readonly #around: { -readonly [K in keyof Surroundings]: Surroundings[K] };
  #numCtx: NumCtxPolicy = 'keep';
  /** Largest context asked for by model, which `pin` loads it with. */
  readonly #pinned = new Map<string, number>();
  /** Which walk of the queue this is: sums of leaning requests hold for one. */
  #walk = 0;
  #clearedAll = 0;
  readonly #cleared = new Map<string, number>();
  /** Models that some runner has. */
  readonly #models = new Set<string>();
  #at = 0;

  constructor(parts: FactsParts = createParts()) {
    this.#parts = parts;
    this.lengths = parts.lengths;
    this.ratios = parts.ratios;
    this.state = new FactsState(this.#hosts, parts, this.#service, (id) => this.host(id));
    this.#around = {
      leaningSince: (model) => this.#leaningSince(model),
      serviceMs: DEFAULT_SERVICE_MS,
      queued: 0,
      hosts: 0,
      waitedMs: 0,
      outputTokens: (app, model, at) => this.lengths.expected(app, model, at),
      excess: (model, at) => this.lengths.excess(model, at),
      tokensPerByte: (model, at) => this.ratios.tokensPerByte(model, at),
      worth: (victim, host) => this.#worth(victim, host),
      fit: (runner, shape, at) => this.fit(runner, shape, at).shape,
    };
  }

  /** How requests with differing num_ctx share a loaded model (`routing.num_ctx`). */
  set numCtx(policy: NumCtxPolicy) {
    this.#numCtx = policy;
  }

  /** The shape in which a request is sent to a runner under the policy, and whether that avoids a reload. */
  fit(runner: RunnerFacts, shape: RunnerShape, at: number): Fit {
    if (this.#numCtx === 'keep') return { shape, avoided: false };
    const { model, host } = runner;
    if (shape.numCtx !== undefined && shape.numCtx > (this.#pinned.get(model) ?? 0)) {
      if (this.#pinned.size > MOST_PINNED) this.#pinned.clear();
      this.#pinned.set(model, shape.numCtx);
    }
    const resident = host.residency.contextOf(model, at);
    const known = host.residency.defaultContext(model);
    const { numCtx, avoided } = numCtxFor(this.#numCtx, shape.numCtx, resident, known, this.#pinned.get(model));
    return { shape: numCtx === shape.numCtx ? shape : { numCtx, rest: shape.rest }, avoided };
  }

  // ---- who is there ----

  /** The facts of a host, made at the first call. */
  host(id: string): HostFacts {
    let host = this.#hosts.get(id);
    if (host === undefined) {
      host = this.#parts.host(id);
      this.#hosts.set(id, host);
    }
    return host;
  }

  hosts(): IterableIterator<HostFacts> {
    return this.#hosts.values();
  }

  forgetHost(id: string): void {
    this.state.forgetHost(id);
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    for (const { memory } of host.runners.values()) memory.flush();
    this.#hosts.delete(id);
  }

  /** The facts of a model on a host, made at the first call. @param sizeBytes of the weights on disk */
  runner(hostId: string, model: string, sizeBytes: number): RunnerFacts {
    const host = this.host(hostId);
    let runner = host.runners.get(model);
    if (runner === undefined) {
      runner = this.#parts.runner(host, model, sizeBytes);
      this.state.adopt(runner, sizeBytes);
      host.runners.set(model, runner);
      this.#models.add(model);
    }
    return runner;
  }

  forgetRunner(hostId: string, model: string): void {
    const host = this.#hosts.get(hostId);
    host?.runners.get(model)?.memory.flush();
    host?.runners.delete(model);
  }

  /** What the operator says about a host; `auto` = learned. */
  configure(id: string, settings: { readonly slots: number | 'auto'; readonly vramBytes: number | 'auto' }): void {
    const host = this.host(id);
    host.slots.configure(settings.slots);
    host.residency.configure(settings.vramBytes);
    host.version++;
  }

  /** What a host has on disk. */
  installed(id: string, models: ReadonlyMap<string, { readonly digest: string; readonly sizeBytes: number }>): void {
    const host = this.host(id);
    host.residency.configureModels(models);
    this.state.installed(id, models);
    host.version++;
  }

  // ---- looking ahead ----

  /** A walk of the queue begins: nobody leans anywhere yet. @param lane only those who want this model are asked */
  walkBegins(lane: string | undefined): void {
    this.#walk++;
    // Those who ask for a virtual model may lean on any.
    if (lane === undefined || !this.#models.has(lane)) {
      this.#clearedAll = this.#walk;
      this.#cleared.clear();
    } else {
      this.#cleared.set(lane, this.#walk);
    }
  }

  /** A waiter with so many ms of work would rather wait for this runner; those behind it in this walk count it in. */
  lean(runner: RunnerFacts, ms: number): void {
    runner.lean(this.#leaningSince(runner.model), this.#walk, ms);
  }

  /**
   * Whether a host may be able to start a request for a model now: false only where a forecast would say no. What is no
   * model of the pool may be a name for any.
   */
  mayStart(model: string, hostId: string, at: number): boolean {
    const runner = this.#hosts.get(hostId)?.runners.get(model);
    return runner === undefined ? !this.#models.has(model) : mayStart(runner, at, this.#around.worth);
  }

  /** The walk since which leaning requests on runners of a model count. */
  #leaningSince(model: string): number {
    return this.#cleared.get(model) ?? this.#clearedAll;
  }

  /** ms of a usual request from its sending to its end. */
  serviceMs(at: number): number {
    return this.#service.shrunk(DEFAULT_SERVICE_MS, DEFAULT_SERVICE_WEIGHT, at);
  }

  /**
   * What a request would meet on each of these runners. The outlook is the same object on every call.
   * @param waitedMs how long it has waited in the queue
   */
  foresee(
    demand: Demand,
    runners: readonly { readonly facts: RunnerFacts }[],
    at: number,
    queue: Queued,
    waitedMs: number,
  ): Outlook {
    this.#at = at;
    const around = this.#around;
    around.serviceMs = this.serviceMs(at);
    around.queued = queue.waiting;
    around.hosts = queue.hosts;
    around.waitedMs = waitedMs;
    this.#memories.length = 0;
    for (const { facts } of runners) this.#memories.push(facts.memory);
    this.#parts.prefixes.lookFor(this.#memories, demand.marks, demand.promptBytes, at);
    foresee(demand, runners, at, around, this.#outlook);
    return this.#outlook;
  }

  /**
   * Runners that remember the most of a prompt, whichever their models, until `visit` gives back false; a bounded number
   * of them, of those that remember as much whoever was sent it last.
   */
  remembering(marks: readonly PrefixMark[], visit: (runner: RunnerFacts) => boolean): void {
    this.#parts.prefixes.owners(marks, ({ runner }) => runner === undefined || visit(runner));
  }

  /** What row `i` of the last outlook says about `runner`, to be kept with a request that is sent there. */
  expectation(runner: RunnerFacts, i: number, cold: boolean): Expectation {
    const o = this.#outlook;
    return {
      waitMs: o.ready[i] === 1 ? 0 : (o.wait[i] ?? 0),
      loadMs: cold ? (o.load[i] ?? 0) : 0,
      prefillMs: o.prefill[i] ?? 0,
      decodeMs: o.decode[i] ?? 0,
      slowdown: o.slowdown[i] ?? 1,
      excess: o.outputExcess,
      promptTokens: o.promptTokens,
      cachedTokens: o.cached[i] ?? 0,
      claim: cold ? undefined : runner.memory.claim,
    };
  }

  /** ms that a reload of `victim`, pushed out of `host`, is worth: the fewer other copies and the more wanted, the more. */
  #worth(victim: string, host: HostFacts): number {
    const perMinute = this.arrivals.perMinute(victim, this.#at);
    if (perMinute === 0) return 0;
    const others = this.copies(victim, this.#at) - 1;
    const loadMs = host.runners.get(victim)?.speeds.loadMs(this.#at) ?? 0;
    return loadMs * Math.min(1, perMinute / (1 + 3 * Math.max(0, others)));
  }

  /** On how many hosts a model is in memory, as of a moment ago. */
  copies(model: string, at: number): number {
    return this.#copies.of(model, at);
  }

  /** How much work a request is, before anybody knows where it will run: tokens to read, and ms on a usual server. */
  estimate(model: string, demand: Demand, at: number): { readonly promptTokens: number; readonly ms: number } {
    const promptTokens = demand.promptBytes * this.ratios.tokensPerByte(model, at);
    return { promptTokens, ms: this.serviceMs(at) };
  }

  // ---- what happens ----

  /** A request of a client has arrived for this model, wherever it will go. */
  arrived(model: string, at: number): void {
    this.arrivals.arrived(model, at);
    this.interest.arrived(model, at);
  }

  /** A request was sent. @param shape as `fit` gave it @param streams its answer comes piece by piece, so that its first byte says something */
  sent(
    runner: RunnerFacts,
    demand: Demand,
    shape: RunnerShape,
    streams: boolean,
    expected: Expectation,
    at: number,
  ): Work {
    const { host } = runner;
    const work = new Work(demand, shape, streams, expected, at, runner.works.length, host.busyIntegral(at));
    work.alone = host.works.length === 0;
    const loads = host.residency.dispatched(runner.model, shape, undefined, isBusyOn(host), at);
    if (loads) runner.memory.flush();
    if (demand.kind !== 'load') this.shapes.sent(runner.model, shape);
    runner.works.push(work);
    host.add(work, at);
    if (demand.marks.length > 0) runner.memory.remember(demand.marks, at);
    return work;
  }

  /** The first byte of its answer came. */
  began(runner: RunnerFacts, work: Work, at: number): void {
    if (work.firstAt !== undefined) return;
    const { host } = runner;
    work.firstAt = at;
    work.busyAtFirst = host.busyIntegral(at);
    host.begun(work, at);
    if (work.cold) host.loadedAt = at;
    host.residency.loaded(runner.model, at, work.shape);
    teachSlots(runner, work, at);
    if (!work.streams) return;
    const firstMs = at - work.sentAt;
    runner.speeds.observed(firstMs / Math.max(50, work.expectedFirstMs), undefined, at);
    if (work.ahead === 0 && firstMs > 2_000 && firstMs > 3 * work.expectedFirstMs) host.foreign.saw('waited', at);
  }

  /** It ended. @returns tokens of its prompt that the server remembered, where that can be told */
  ended(runner: RunnerFacts, work: Work, outcome: Outcome, at: number): number | undefined {
    const { host } = runner;
    const integral = host.busyIntegral(at);
    noteBlocked(runner, work, at);
    const index = runner.works.indexOf(work);
    if (index >= 0) runner.works.splice(index, 1);
    host.remove(work, at);
    runner.stale();
    // Nobody may have told of its beginning: parts of a batch come whole.
    if (outcome.kind === 'served' && work.firstAt === undefined) host.residency.loaded(runner.model, at);
    // A server takes note of it when it hands the request to a runner; whether it came to that shows by an answer.
    const told = outcome.kind === 'served' || work.firstAt !== undefined;
    host.residency.ended(runner.model, told ? work.keepAliveMs : undefined, at);
    if (isDeath(outcome)) host.residency.died(runner.model);
    switch (outcome.kind) {
      case 'served':
        if (work.demand.kind === 'load') {
          learnLoad(runner, work, integral, at);
          return undefined;
        }
        return this.#learn(runner, work, outcome.usage, integral, at);
      case 'client-left':
        this.#burn(host, work, at);
        return undefined;
      case 'backend-failed':
        if (outcome.reason === 'overloaded') saturate(host, at);
        if (outcome.blame !== 'none') runner.memory.forget(work.demand.marks);
        return undefined;
      case 'client-error':
        runner.memory.forget(work.demand.marks);
        return undefined;
    }
  }

  #learn(runner: RunnerFacts, work: Work, usage: Usage | undefined, integral: number, at: number): number | undefined {
    const { host, model } = runner;
    const { demand } = work;
    const totalMs = at - work.sentAt;
    this.#service.add(totalMs, at);
    if (usage === undefined) return undefined;
    const company = totalMs > 0 ? Math.max(1, (integral - work.busyAtSent) / totalMs) : 1;
    const { outputTokens, promptTokens, decodeMs } = usage;
    if (promptTokens !== undefined) this.ratios.record(model, demand.promptBytes, promptTokens, at);
    if (outputTokens !== undefined && demand.kind === 'completion') {
      // One that was cut at the client's limit says nothing about how long such answers are.
      if (outputTokens < (demand.outputLimit ?? Infinity)) this.lengths.record(demand.app, model, outputTokens, at);
      if (outputTokens > 4 && decodeMs !== undefined && runner.decodeMs > 0) {
        const crowd = 1 + runner.slope * (company - 1);
        runner.speeds.observed(undefined, decodeMs / (outputTokens * runner.decodeMs * crowd), at);
      }
    }
    const lossBefore = host.speeds.loss(at);
    const { surpriseLoad, cachedTokens } = teach(runner, work, usage, company, at);
    const loss = host.speeds.loss(at);
    if (loss !== lossBefore) {
      for (const each of host.runners.values()) {
        each.speeds.follow(loss > 1, loss, at);
        each.stale();
      }
    }
    if (surpriseLoad) {
      runner.memory.flush();
      host.foreign.saw('loaded', at);
    }
    const answered = outputTokens === undefined ? 0 : outputTokens / this.ratios.tokensPerByte(model, at);
    runner.memory.answered(demand.marks, answered);
    return cachedTokens;
  }

  /** Ollama reads a prompt to its end even when its client has left: that time is charged to the server. */
  #burn(host: HostFacts, work: Work, at: number): void {
    if (work.firstAt !== undefined) return;
    const { waitMs, loadMs, prefillMs, slowdown } = work.expected;
    const begins = work.sentAt + waitMs + loadMs;
    if (at < begins) return;
    host.burnsUntil = Math.max(host.burnsUntil, begins + prefillMs * slowdown);
  }

  /** The server was told how long to keep a model from now on. @param keepAliveMs 0 = it goes, Infinity = for good */
  kept(runner: RunnerFacts, keepAliveMs: number, at: number): void {
    runner.host.residency.kept(runner.model, keepAliveMs, at);
    runner.host.version++;
  }

  /** A call that costs a host nothing took so many ms there and back. */
  answered(hostId: string, ms: number): void {
    const host = this.host(hostId);
    const sample = Math.min(MOST_ROUND_TRIP_MS, Math.max(0, ms));
    host.roundTripMs += (host.roundTripMs === 0 ? 1 : ROUND_TRIP_SHARE) * (sample - host.roundTripMs);
  }

  /** What `/api/ps` of a host lists. @param askedAt when it was asked: it cannot know what we did after that */
  seen(hostId: string, list: readonly SeenModel[], askedAt: number, at: number): void {
    const host = this.host(hostId);
    const { gone, appeared, used } = host.residency.seen(list, askedAt, at, isBusyOn(host));
    for (const model of gone) host.runners.get(model)?.memory.flush();
    if (appeared.length > 0) {
      host.foreign.saw('loaded', at);
      host.loadedAt = at;
    }
    for (const _ of used ?? []) host.foreign.saw('used', at);
    for (const { model, sizeBytes, vramBytes } of list) {
      if (sizeBytes > 0) host.runners.get(model)?.speeds.vramShare(vramBytes / sizeBytes, at);
    }
    host.version++;
  }

  /** A host was down: whatever it had in memory is gone. */
  lost(hostId: string): void {
    const host = this.#hosts.get(hostId);
    if (host === undefined) return;
    host.residency.lost();
    host.stuck = false;
    for (const { memory } of host.runners.values()) memory.flush();
    host.version++;
  }
}

/**
 * A request that only loads its model took as long as the load, if nobody made it wait; the server tells no durations.
 * It says nothing about answers.
 */
const learnLoad = (runner: RunnerFacts, work: Work, integral: number, at: number): void => {
  const tookMs = at - work.sentAt;
  const alone = work.ahead === 0 && integral - work.busyAtSent <= ALONE_SHARE * tookMs;
  if (work.cold && alone && !runner.host.stuck) runner.speeds.loaded(tookMs, at, work.alone);
};

const isBusyOn =
  (host: HostFacts) =>
  (model: string): boolean =>
    (host.runners.get(model)?.works.length ?? 0) > 0;

const saturate = (host: HostFacts, at: number): void => {
  let least = Infinity;
  for (const work of host.works) least = Math.min(least, work.remainingMs(at));
  const hold = Math.min(SATURATED_MOST_MS, Math.max(SATURATED_LEAST_MS, least === Infinity ? 0 : least / 2));
  host.saturatedUntil = Math.max(host.saturatedUntil, at + hold);
};
