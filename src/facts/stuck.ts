import type { HostFacts } from './host.ts';
import type { Work } from './work.ts';

/** Below this a load that does not come says nothing: a disk may be busy, a server may wait for video memory to be freed. */
export const LEAST_STUCK_MS = 20_000;
/** Loads of one model on one server differ by less: cold or warm file cache. */
const STUCK_FACTOR = 3;
const STUCK_EXTRA_MS = 10_000;
/** Where no load was ever seen: Ollama itself gives up one without progress after so long (OLLAMA_LOAD_TIMEOUT). */
const UNKNOWN_MS = 300_000;

/** A load that should have come through long ago. */
export interface StuckLoad {
  readonly model: string;
  /** ms that nothing has explained. */
  readonly waitedMs: number;
  /** The longest that a load of it was seen to take; undefined = none was seen anywhere. */
  readonly longestMs: number | undefined;
}

/**
 * Whether a server has stopped loading models while it goes on with those in memory (ollama issue 17408): the first of the
 * loads that it owes us takes far longer than loads of that model ever did, although whoever was there before it has ended
 * and nothing else was loaded meanwhile. Others that came later do not count: they would hold it up in no other case. To be
 * asked every second or so, because who holds up what is noted each time. O(requests under way there)
 */
export const stuckLoad = (host: HostFacts, at: number): StuckLoad | undefined => {
  let first: Work | undefined;
  let model = '';
  for (const runner of host.runners.values()) {
    for (const work of runner.works) {
      if (!work.cold || work.firstAt !== undefined || !host.residency.awaits(runner.model)) continue;
      if (first !== undefined && first.sentAt <= work.sentAt) continue;
      first = work;
      model = runner.model;
    }
  }
  if (first === undefined) return undefined;
  for (const work of host.works) {
    // One of those may have to go before there is room, and does not before its requests have ended.
    if (work !== first && work.sentAt < first.sentAt) first.excusedUntil = at;
  }
  const waitedMs = at - Math.max(first.sentAt, first.excusedUntil, host.loadedAt);
  const longestMs = host.runners.get(model)?.speeds.longestLoadMs(at);
  return waitedMs >= stuckAfterMs(longestMs) ? { model, waitedMs, longestMs } : undefined;
};

/** ms after which a load has not come that nothing holds up. @param longestMs the longest that one was seen to take */
export const stuckAfterMs = (longestMs: number | undefined): number =>
  longestMs === undefined ? UNKNOWN_MS : Math.max(LEAST_STUCK_MS, STUCK_FACTOR * longestMs + STUCK_EXTRA_MS);
