import type { Usage } from '../core/types.ts';
import type { RunnerFacts } from './runner.ts';
import type { Work } from './work.ts';

/** A load that was not foreseen is believed from this long on; 0.24 reports up to a second on a loaded model. */
const SURPRISE_LOAD_MS = 1_500;
/** A prompt of which less than this share was taken for remembered says nothing about what is remembered. */
const HARDLY_CACHED = 0.1;
/**
 * Up to this share it still says how fast the server reads: what is off by the part that was remembered or not is far
 * less than what servers differ by.
 */
const HALF_CACHED = 0.5;
/** Works that began this much late against their expectation were held up. */
const LATE_MS = 300;

/** What one answer's numbers say, compared with what was expected when the request was sent. */
export interface Lesson {
  /** The model was loaded although it was taken for resident. */
  readonly surpriseLoad: boolean;
  /** Tokens that the server remembered of the prompt; undefined = not told. */
  readonly cachedTokens: number | undefined;
}

/**
 * Teaches the estimators of one runner from an answer that came to its end. Ollama's prompt count includes cached tokens
 * while its duration covers only those that were read, so what was cached is the count less what can have been read in
 * that time (runner/ollamarunner and llama-server alike).
 *
 * @param company mean number of requests busy on the host while this one ran, itself included, ≥ 1
 */
export const teach = (facts: RunnerFacts, work: Work, usage: Usage, company: number, at: number): Lesson => {
  const { expected } = work;
  const { speeds, memory } = facts;
  const crowd = 1 + facts.host.speeds.slope(at) * (company - 1);
  const loadMs = usage.loadMs ?? 0;
  const surpriseLoad = !work.cold && loadMs > Math.max(SURPRISE_LOAD_MS, 0.5 * facts.loadMs);
  // What a server that had stopped loading took says nothing about loads.
  if (work.cold && loadMs > 0 && work.ahead === 0 && !facts.host.stuck) speeds.loaded(loadMs, at, work.alone);

  let cachedTokens = usage.cachedTokens;
  const { promptTokens, prefillMs } = usage;
  if (promptTokens !== undefined && prefillMs !== undefined && promptTokens > 0) {
    cachedTokens ??= Math.max(0, Math.min(promptTokens - 1, promptTokens - prefillMs / (facts.prefillMs * crowd)));
    const share = expected.claim === undefined ? 0 : expected.cachedTokens / promptTokens;
    if (usage.cachedTokens !== undefined) speeds.prefilled(promptTokens - usage.cachedTokens, prefillMs, company, at);
    else if (share < HALF_CACHED) {
      const real = speeds.prefilled(promptTokens * (1 - share), prefillMs, company, at);
      if (real && share < HARDLY_CACHED) cachedTokens = 0;
    }
    if (expected.claim !== undefined && share >= HARDLY_CACHED && !surpriseLoad && !work.cold) {
      const known = expected.claim.knownBytes * (promptTokens / Math.max(1, work.demand.promptBytes));
      if (known > 0) memory.learned(expected.claim, Math.min(1, cachedTokens / known), at);
    }
  }
  if (usage.outputTokens !== undefined && usage.decodeMs !== undefined && usage.outputTokens > 1) {
    speeds.decoded(usage.outputTokens, usage.decodeMs, company, at);
  }
  facts.stale();
  return { surpriseLoad, cachedTokens };
};

/**
 * What the beginning of an answer says about slots: everybody whose answer has begun and not ended is worked on at this
 * moment; one that only began when another one ended was held up by those at work.
 */
export const teachSlots = (facts: RunnerFacts, work: Work, at: number): void => {
  if (!work.streams) return;
  let atWork = 0;
  for (const other of facts.works) if (other.streams && other.firstAt !== undefined) atWork++;
  if (atWork > 1) facts.slots.overlapped(atWork, at);
  if (work.blockedBy > 0) {
    const own = work.expected.prefillMs * work.expected.slowdown;
    if (at - work.blockedAt < 3 * own + LATE_MS && atWork <= work.blockedBy) facts.slots.blocked(work.blockedBy, at);
  }
  facts.stale();
};

/** One of them has ended: those that should have begun long before and have not were waiting for this. */
export const noteBlocked = (facts: RunnerFacts, ended: Work, at: number): void => {
  if (ended.firstAt === undefined) return;
  let atWork = 1;
  for (const other of facts.works) if (other !== ended && other.firstAt !== undefined) atWork++;
  for (const other of facts.works) {
    if (other === ended || other.firstAt !== undefined || !other.streams || other.cold) continue;
    const due = other.sentAt + 2 * (other.expected.prefillMs * other.expected.slowdown) + LATE_MS;
    if (at < due || other.sentAt > at) continue;
    other.blockedBy = atWork;
    other.blockedAt = at;
  }
};
