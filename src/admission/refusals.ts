import { ProxyError } from '../core/errors.ts';
import { PRIORITY_CLASSES } from '../core/types.ts';
import type { Rng } from '../core/rng.ts';
import type { Entrant } from './entrant.ts';
import type { Lane } from './lane.ts';
import type { WaitingQueue } from './queue.ts';
import type { FullSettings } from './settings.ts';
import { shedChance, SHEDDING_FROM } from './shedding.ts';
import type { StartRates } from './start-rates.ts';

/** Starts that a prediction must rest on before anybody is turned away because of it. */
const SURE_FROM = 5;
/** Share of the places that one tenant may hold while others wait. */
const TENANT_SHARE = 0.5;
/** Bounds of Retry-After in seconds: a client that comes back at once helps nobody, nor does one that gives up. */
const MIN_RETRY_S = 1;
const MAX_RETRY_S = 600;

/** Everything that a prediction reads. */
export interface Line {
  readonly queue: WaitingQueue;
  readonly rates: StartRates;
  readonly settings: FullSettings;
}

/**
 * How long a newcomer would wait: its place in the lane times the ms that one place took lately. In its class it stands
 * behind as many as its tenant's turn is away, and its class gets its share among those that wait, but nobody waits for
 * more than all who are there now.
 * @param minSamples starts that the answer must rest on
 * @returns ms; undefined where too few were seen
 */
export const predictWait = ({ queue, rates, settings }: Line, entrant: Entrant, at: number, minSamples = 1) => {
  const msPerStart = rates.msPerStart(entrant.lane, at, minSamples);
  if (msPerStart === undefined) return undefined;
  const lane = queue.lanes.get(entrant.lane);
  return msPerStart * (lane === undefined ? 1 : placeOf(lane, entrant, settings));
};

const placeOf = (lane: Lane, entrant: Entrant, { classWeights }: FullSettings): number => {
  const { priority, tenant, returning } = entrant;
  const { returning: ahead, byTenant, flows, size } = lane.classes[priority];
  let place = ahead.size + 1;
  if (!returning) {
    const own = byTenant.get(tenant)?.waiters.size ?? 0;
    const tenants = flows.size + (own > 0 ? 0 : 1);
    place = Math.min(size + 1, ahead.size + (own + 1) * tenants);
  }
  let weights = 0;
  for (const each of PRIORITY_CLASSES) {
    if (each === priority || lane.classes[each].size > 0) weights += classWeights[each];
  }
  return Math.min((place * weights) / classWeights[priority], lane.size + 1);
};

/**
 * Why a newcomer may not wait; undefined = it may.
 * @param saturated it found all places taken; otherwise it only chose to wait, which no prediction speaks about
 */
export const refusal = (
  line: Line,
  entrant: Entrant,
  at: number,
  rng: Rng,
  saturated: boolean,
): { readonly error: ProxyError; readonly shed: boolean } | undefined => {
  const full = noRoom(line, entrant);
  if (full !== undefined) return { error: queueFull(line, entrant, at, full), shed: false };
  if (!saturated) return undefined;
  const late = tooLate(line, entrant, at);
  if (late !== undefined) return { error: late, shed: false };
  const waits = medianWait(line, entrant, at);
  const { shed, targetMs } = line.settings;
  if (!shed || waits === undefined) return undefined;
  const chance = shedChance(entrant.priority, waits / targetMs);
  if (chance === 0 || rng.next() >= chance) return undefined;
  const text = `${entrant.priority} requests are being shed: half of those who wait for ${entrant.lane} wait longer than ${seconds(waits)} s, and ${seconds(targetMs)} s are aimed at (queue.shed, queue.target_wait)`;
  return { error: queueFull(line, entrant, at, text), shed: true };
};

const noRoom = ({ queue, settings }: Line, { tenant, bytes }: Entrant): string | undefined => {
  const { maxWaiting, maxBytes } = settings;
  const { size } = queue;
  if (size >= maxWaiting) return `the queue is full: ${size} requests wait (queue.max_waiting)`;
  if (queue.bytes + bytes > maxBytes) {
    return `the queue is full: requests that wait hold ${queue.bytes} bytes, and ${bytes} more do not fit (queue.max_bytes)`;
  }
  const held = queue.heldBy(tenant);
  if (size > held && held >= Math.ceil(maxWaiting * TENANT_SHARE)) {
    return `this tenant's share of the queue is full: ${held} of its requests wait, half of queue.max_waiting, and others wait too`;
  }
  return undefined;
};

const tooLate = (line: Line, entrant: Entrant, at: number): ProxyError | undefined => {
  if (entrant.deadline === Infinity) return undefined;
  const wait = predictWait(line, entrant, at, SURE_FROM);
  if (wait === undefined || at + wait + entrant.estimateMs <= entrant.deadline) return undefined;
  const left = seconds(entrant.deadline - at);
  return new ProxyError(
    'deadline_exceeded',
    `the deadline cannot be met: it is ${left} s away, and a slot is expected in ${seconds(wait)} s for ${seconds(entrant.estimateMs)} s of work`,
  );
};

/** ms that half of those who wait in the lane will have waited when they start; undefined = no telling. */
const medianWait = ({ queue, rates }: Line, { lane: name }: Entrant, at: number): number | undefined => {
  const size = queue.lanes.get(name)?.size ?? 0;
  if (size < SHEDDING_FROM) return undefined;
  const msPerStart = rates.msPerStart(name, at, SURE_FROM);
  return msPerStart === undefined ? undefined : (msPerStart * size) / 2;
};

const queueFull = (line: Line, entrant: Entrant, at: number, message: string): ProxyError => {
  const seconds = Math.ceil((predictWait(line, entrant, at) ?? line.settings.maxWaitMs) / 1000);
  const retryAfterSeconds = Math.min(MAX_RETRY_S, Math.max(MIN_RETRY_S, seconds));
  return new ProxyError('queue_full', message, { retryAfterSeconds });
};

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
