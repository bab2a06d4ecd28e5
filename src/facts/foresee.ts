import type { Demand, RunnerShape } from '../core/demand.ts';
import { DECODE_WEIGHT, type Outlook } from '../core/outlook.ts';
import { FORECAST } from './constants.ts';
import type { HostFacts } from './host.ts';
import type { RunnerFacts } from './runner.ts';
import type { Work } from './work.ts';

/** What waiting for a server that loads nothing is taken for: Ollama gives up a load after so long (OLLAMA_LOAD_TIMEOUT). */
const STUCK_MS = 300_000;

/** What a forecast needs to know beside the candidates. */
export interface Surroundings {
  /** The walk of the queue since which leaning requests on runners of a model count. */
  readonly leaningSince: (model: string) => number;
  /** ms of a usual request from start to end. */
  readonly serviceMs: number;
  /** Requests that wait in the proxy, and backends that serve. */
  readonly queued: number;
  readonly hosts: number;
  /** ms that this request has waited. */
  readonly waitedMs: number;
  readonly outputTokens: (app: string, model: string, at: number) => number;
  readonly excess: (model: string, at: number) => number;
  readonly tokensPerByte: (model: string, at: number) => number;
  /** ms that unloading a model of this host will cost those who want it. */
  readonly worth: (victim: string, host: HostFacts) => number;
  /** The shape in which a request would be sent there. */
  readonly fit: (runner: RunnerFacts, shape: RunnerShape, at: number) => RunnerShape;
}

/**
 * The shadow price of work while requests queue: 0 up to half a request per backend, 10 from two on. A request that has
 * waited long pays it no longer: it need not go where its prompt is remembered any more.
 */
const pressure = ({ queued, hosts, waitedMs }: Surroundings): number => {
  const share = clamp01((queued / Math.max(1, hosts) - FORECAST.pressureFrom) / FORECAST.pressureSpan);
  if (waitedMs > FORECAST.patienceMs + FORECAST.patienceUnderPressureMs * share) return 0;
  return FORECAST.pressureMost * share;
};

const clamp01 = (x: number): number => Math.min(1, Math.max(0, x));

/**
 * Fills an outlook: what one request would meet on each runner, term by term (the terms are those of the cost in
 * routing/cost.ts). The prompt must have been looked up in the prefix index just before.
 */
export const foresee = (
  demand: Demand,
  runners: readonly { readonly facts: RunnerFacts }[],
  at: number,
  around: Surroundings,
  into: Outlook,
): void => {
  into.resize(runners.length);
  into.serviceMs = around.serviceMs;
  into.pressure = pressure(around);
  let model: string | undefined;
  let ratio = 0;
  let promptTokens = 0;
  let outputTokens = 0;
  let prefillSum = 0;
  let leaningSince = 0;
  for (let i = 0; i < runners.length; i++) {
    const facts = runners[i]?.facts;
    if (facts === undefined) continue;
    if (facts.model !== model) {
      model = facts.model;
      ratio = around.tokensPerByte(model, at);
      promptTokens = demand.promptBytes * ratio;
      outputTokens = expectedOutput(demand, model, at, around);
      leaningSince = around.leaningSince(model);
      if (i === 0) {
        into.promptTokens = promptTokens;
        into.outputTokens = outputTokens;
        into.outputExcess = around.excess(model, at);
      }
    }
    facts.refresh(at);
    prefillSum += facts.prefillMs;
    fillRow(into, i, facts, demand, at, around, leaningSince, ratio, promptTokens, outputTokens);
  }
  const usualPrefillMs = prefillSum / Math.max(1, runners.length);
  for (let i = 0; i < runners.length; i++) {
    into.freshWork[i] = (promptTokens - (into.cached[i] ?? 0)) * usualPrefillMs;
  }
};

const expectedOutput = ({ kind, outputLimit, app }: Demand, model: string, at: number, around: Surroundings): number =>
  kind === 'completion' ? Math.min(outputLimit ?? Infinity, around.outputTokens(app, model, at)) : 0;

const fillRow = (
  into: Outlook,
  i: number,
  facts: RunnerFacts,
  demand: Demand,
  at: number,
  around: Surroundings,
  leaningSince: number,
  ratio: number,
  promptTokens: number,
  outputTokens: number,
): void => {
  const { host, works } = facts;
  const shape = around.fit(facts, demand.shape, at);
  const warm = host.residency.ready(facts.model, shape, at);
  const cached = warm ? Math.min(promptTokens, facts.memory.expectedBytes * ratio) : 0;
  const prefill = FORECAST.overheadMs + host.roundTripMs + (promptTokens - cached) * facts.prefillMs;
  const decode = outputTokens * facts.decodeMs;
  const s = prefill + DECODE_WEIGHT * decode;
  const room = facts.room(demand.kind, prefill + decode);
  const leaning = facts.leaningMs(leaningSince);
  let backlog = leaning;
  for (const work of works) backlog += work.remainingMs(at);

  let wait = 0;
  let load = 0;
  let evict = 0;
  let ready = at >= host.saturatedUntil;
  if (warm) {
    // Loading for somebody else of ours: what is left of that is still to be waited for.
    for (const work of works) {
      if (work.cold && work.firstAt === undefined) load = Math.max(load, loadLeft(work, at));
    }
    if (works.length + facts.ghost >= room || leaning > 0) {
      wait = waitForSlot(works, room, leaning, at) + 0.5 * facts.ghost * around.serviceMs;
      ready = ready && works.length < room;
    }
  } else {
    load = facts.loadMs;
    facts.priceOfLoad(shape, at, around.worth);
    evict = facts.evictMs;
    // Loads run one after the other, and one that waits for a busy victim holds up every other.
    wait = Math.max(host.loadingMs(at), facts.evictWaitMs) + leaning;
    // Whoever runs here in another shape holds its slot until it ends, however long it was foreseen to take.
    ready = ready && !host.stuck && !host.loading(at) && !facts.evictsBusy && works.length < room;
    if (host.stuck) wait += STUCK_MS;
  }
  if (host.saturatedUntil > at) wait += host.saturatedUntil - at;

  const others = host.works.length - (wait > 0 && works.length > 0 ? 1 : 0) + facts.ghost;
  const burning = host.burnsUntil > at ? 1 : 0;
  let delayed = 0;
  for (const work of host.works) delayed += Math.min(s, work.remainingMs(at));

  into.wait[i] = wait;
  into.load[i] = load;
  into.prefill[i] = prefill;
  into.decode[i] = decode;
  into.slowdown[i] = 1 + facts.slope * (others + burning);
  into.evict[i] = evict;
  into.harm[i] = FORECAST.harm * Math.min(s + load, delayed);
  into.cached[i] = cached;
  into.ready[i] = ready ? 1 : 0;
  into.backlog[i] = backlog;
  into.slots[i] = facts.limit;
  into.slowFirst[i] = facts.slowFirst;
  into.slowToken[i] = facts.slowToken;
};

const loadLeft = ({ expected: { waitMs, loadMs }, sentAt }: Work, at: number): number =>
  Math.max(0.25 * loadMs, waitMs + loadMs - (at - sentAt));

/**
 * ms until a slot is free: with one slot the sum of what is left; with several, between the soonest end and what the
 * mean says of the soonest of so many ends, because lengths are guesses. Those who lean here come first.
 */
const waitForSlot = (works: readonly Work[], room: number, leaning: number, at: number): number => {
  if (works.length < room) return leaning / room;
  let sum = 0;
  let least = Infinity;
  for (const work of works) {
    const left = work.remainingMs(at);
    sum += left;
    least = Math.min(least, left);
  }
  if (room === 1 || works.length > room) return (sum + leaning) / room;
  return 0.5 * (least + sum / (works.length * works.length)) + leaning / room;
};
