import { DEFAULT_SHAPE } from '../core/demand.ts';
import type { HostFacts } from './host.ts';
import type { RunnerFacts } from './runner.ts';

/**
 * Whether a runner may be able to start a request now, as cheaply as that can be told: false only where a forecast would
 * say that it is not ready.
 *
 * @param worth ms that a victim's reload will cost others
 */
export const mayStart = (
  runner: RunnerFacts,
  at: number,
  worth: (victim: string, host: HostFacts) => number,
): boolean => {
  const { host, model, works } = runner;
  if (at < host.saturatedUntil) return false;
  runner.refresh(at);
  // A short embedding may be one more than there are slots, and so may a request that tries whether there is another.
  const most = host.slots.configured === 'auto' ? runner.limit : runner.limit - 1;
  if (works.length > most) return false;
  if (host.residency.holds(model, at)) return true;
  if (host.loading(at)) return false;
  runner.priceOfLoad(DEFAULT_SHAPE, at, worth);
  return !runner.evictsBusy;
};
