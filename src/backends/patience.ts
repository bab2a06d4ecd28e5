import type { RunnerFacts } from '../facts/runner.ts';
import type { Work } from '../facts/work.ts';

/** How long a server may be silent about one request, in ms. Beyond that it hangs, as far as can be told. */
export interface Patience {
  /** From sending to the first byte. */
  readonly firstMs: number;
  /** Between two pieces of an answer that comes token by token. */
  readonly gapMs: number;
  /** Between two pieces where the rest of the answer may come in one: tool calls are held back until they are whole. */
  readonly quietMs: number;
}

/** However fast a server is, below this a silence says nothing: garbage collection, swapping, a moved laptop. */
export const LEAST_FIRST_MS = 60_000;
export const LEAST_GAP_MS = 30_000;
/** Estimates are off by less than this (routing-science §6): three times the time to the first byte, twenty token gaps. */
const FIRST_FACTOR = 3;
const FIRST_EXTRA_MS = 10_000;
const GAP_FACTOR = 20;
/** Ollama itself gives up a load that makes no progress for so long (OLLAMA_LOAD_TIMEOUT). */
export const MOST_LOAD_MS = 300_000;
/** A request that only loads has nothing else to show, and hanging up aborts the load. */
const LOAD_ONLY_MS = 900_000;
/** A slow CPU, until the server's own speed was measured: 50 tokens/s read, 5 tokens/s written. */
const SLOW_READ_MS = 20;
const SLOW_WRITE_MS = 200;
/** Samples that make a speed a measured one. */
const MEASURED = 3;
/** Longer than nearly every answer; only where the client sets no limit. */
const LONG_ANSWER = 16_384;

/** @param promptTokens of the whole prompt, remembered or not: it may have been forgotten */
export const patienceOf = (runner: RunnerFacts, work: Work, promptTokens: number, at: number): Patience => {
  const { host, speeds } = runner;
  const { demand, expected, cold, streams } = work;
  const { prefill, decode, load } = speeds.estimates(at);
  const slowdown = Math.max(expected.slowdown, 1 + runner.slope * Math.max(0, host.works.length - 1));
  const readMs = prefill.samples >= MEASURED ? prefill.value : Math.max(prefill.value, SLOW_READ_MS);
  const writeMs = decode.samples >= MEASURED ? decode.value : Math.max(decode.value, SLOW_WRITE_MS);
  // One that was in memory may have been pushed out by others' requests, and is then loaded again unannounced.
  const measuredLoad = Math.min(MOST_LOAD_MS, FIRST_FACTOR * load.value);
  const loading = cold && load.samples === 0 ? MOST_LOAD_MS : measuredLoad;
  const foreseen = FIRST_FACTOR * (expected.waitMs + expected.prefillMs * slowdown) + FIRST_EXTRA_MS;
  const outputTokens = demand.kind === 'completion' ? Math.min(demand.outputLimit ?? Infinity, LONG_ANSWER) : 0;
  const quietMs = FIRST_FACTOR * outputTokens * writeMs * slowdown;
  const firstMs = Math.max(
    LEAST_FIRST_MS,
    demand.kind === 'load' ? LOAD_ONLY_MS : 0,
    loading,
    foreseen + (cold ? loading : 0),
    FIRST_FACTOR * promptTokens * readMs * slowdown,
  );
  const gapMs = Math.max(LEAST_GAP_MS, GAP_FACTOR * decode.value * slowdown);
  return {
    firstMs: streams ? firstMs : firstMs + quietMs,
    gapMs,
    quietMs: Math.max(gapMs, quietMs),
  };
};

/** Whether a request that had no byte of answer when its time was over had waited longer than was to be expected. */
export const isLate = ({ expected, streams, expectedFirstMs }: Work, totalMs: number): boolean =>
  totalMs >= FIRST_FACTOR * (expectedFirstMs + (streams ? 0 : expected.decodeMs * expected.slowdown)) + FIRST_EXTRA_MS;
