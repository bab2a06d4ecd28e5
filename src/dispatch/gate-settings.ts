import type { GateSettings } from '../admission/gate.ts';
import type { Config } from '../config/types.ts';

/** `queue.max_waiting: auto` is four waiting requests per slot, a backend with learned slots counted as four. */
const WAITING_PER_SLOT = 4;
const ASSUMED_SLOTS = 4;
const MIN_WAITING = 64;

const maxWaiting = ({ queue, backends }: Config): number => {
  if (queue.maxWaiting !== 'auto') return queue.maxWaiting;
  const slots = backends.reduce((sum, { slots: each }) => sum + (each === 'auto' ? ASSUMED_SLOTS : each), 0);
  return Math.max(MIN_WAITING, WAITING_PER_SLOT * slots);
};

/** The queue as the configuration wants it, but for what it calls back. */
export const gateSettings = (config: Config): GateSettings => ({
  maxWaiting: maxWaiting(config),
  maxWaitMs: config.queue.maxWaitMs,
  classWeights: config.queue.classWeights,
  maxBytes: config.queue.maxBytes,
  order: config.queue.order,
  shed: config.queue.shed,
  targetMs: config.queue.targetWaitMs,
  promoteAfterMs: config.queue.promoteAfterMs,
});
