import type { PriorityClass } from '../core/types.ts';
import type { Entrant } from './entrant.ts';

/**
 * How a tenant's own requests stand behind each other.
 * `fifo`: by arrival, and whoever has a tight deadline as if it had come earlier.
 * `sjf`: the shortest first, aged so that long ones come up too.
 */
export type QueueOrder = 'fifo' | 'sjf';

/** ms that a request of a class is content to wait and be served in, where its client names no deadline. */
const USUAL_DEADLINE_MS: Readonly<Record<PriorityClass, number>> = {
  interactive: 30_000,
  normal: 120_000,
  batch: 900_000,
};

/** ms of estimated work that a ms of waiting makes up for. */
const AGING = 0.15;

/**
 * Where a request stands among its tenant's: the least key is next. It never changes, so that it can be sorted by.
 *
 * `fifo` is earliest deadline first with the usual deadline of the class where none was given, less that usual deadline:
 * a request without one stands by its arrival, a tighter one moves forward by what it is tighter, a looser one loses
 * nothing by having told it.
 *
 * `sjf` is estimate − 0.15 · waited. Two keys of that kind stay as far apart as they are while both wait, so that
 * estimate + 0.15 · arrival sorts the same at any time.
 */
export const orderKey = (order: QueueOrder, entrant: Entrant, arrivedAt: number): number =>
  order === 'sjf'
    ? entrant.estimateMs + AGING * arrivedAt
    : Math.min(arrivedAt, entrant.deadline - USUAL_DEADLINE_MS[entrant.priority]);
