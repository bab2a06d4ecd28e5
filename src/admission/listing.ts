import { PRIORITY_CLASSES, type PriorityClass } from '../core/types.ts';
import type { WaitingQueue } from './queue.ts';

/** One request that waits, for people. */
export interface WaitingView {
  readonly id: string | undefined;
  readonly lane: string;
  /** The class in which it waits now. */
  readonly class: PriorityClass;
  readonly tenant: string;
  readonly returning: boolean;
  readonly waitedMs: number;
  /** ms until its deadline; undefined where it has none. */
  readonly deadlineInMs: number | undefined;
}

/** One tenant in one class, for people. */
export interface TenantView {
  readonly tenant: string;
  readonly class: PriorityClass;
  /** Tokens served by weight, those given away by lifting included; comparable within one class. */
  readonly counter: number;
  readonly waiting: number;
}

/** Who waits: by class, the longest waiting in it first. */
export const listWaiting = (queue: WaitingQueue, at: number, limit: number): readonly WaitingView[] => {
  const views: WaitingView[] = [];
  for (const { entrant, priority, arrivedAt } of queue.waiters()) {
    if (views.length >= limit) break;
    const { id, lane, tenant, returning, deadline } = entrant;
    views.push({
      id,
      lane,
      class: priority,
      tenant,
      returning,
      waitedMs: at - arrivedAt,
      deadlineInMs: deadline === Infinity ? undefined : deadline - at,
    });
  }
  return views;
};

/** Tenants that were served: those who wait first, and the least served first. */
export const listTenants = (queue: WaitingQueue, limit: number): readonly TenantView[] =>
  PRIORITY_CLASSES.flatMap((each) =>
    Array.from(queue.tenants[each], ({ name: tenant, counter, flows }): TenantView => {
      let waiting = 0;
      for (const { waiters } of flows) waiting += waiters.size;
      return { tenant, class: each, counter, waiting };
    }),
  )
    .toSorted((a, b) => Number(b.waiting > 0) - Number(a.waiting > 0) || a.counter - b.counter)
    .slice(0, limit);
