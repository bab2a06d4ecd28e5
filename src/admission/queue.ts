import { PRIORITY_CLASSES, type PriorityClass } from '../core/types.ts';
import { ClassShares } from './class-shares.ts';
import { Lane } from './lane.ts';
import { OrderedList } from './ordered-list.ts';
import { orderKey, type QueueOrder } from './order.ts';
import { Tenants } from './tenants.ts';
import type { Waiter } from './waiter.ts';

/**
 * Who waits, and where each one stands: a lane per model, in it the classes, in a class the tenants by what they were
 * served, and each tenant's own requests by key. Entering is O(log waiting), leaving O(1). Pure: it starts nobody and
 * knows no time.
 */
export class WaitingQueue {
  readonly lanes = new Map<string, Lane>();
  readonly tenants: Readonly<Record<PriorityClass, Tenants>> = {
    interactive: new Tenants(),
    normal: new Tenants(),
    batch: new Tenants(),
  };
  /** How the classes take turns where lanes compete for the same place. */
  readonly shares = new ClassShares();
  /** Moves with every change of who stands where: what was looked up before does not hold any more. */
  version = 0;
  /** Bytes that waiting requests hold. */
  bytes = 0;
  readonly #ages: Readonly<Record<PriorityClass, OrderedList<Waiter>>> = {
    interactive: new OrderedList(),
    normal: new OrderedList(),
    batch: new OrderedList(),
  };
  readonly #held = new Map<string, number>();
  #order: QueueOrder;

  constructor(order: QueueOrder) {
    this.#order = order;
  }

  get size(): number {
    return this.depth('interactive') + this.depth('normal') + this.depth('batch');
  }

  /** How many wait in a class; a promoted one counts where it was promoted to. */
  depth(priority: PriorityClass): number {
    return this.#ages[priority].size;
  }

  /** How many requests of a tenant wait, in all classes. */
  heldBy(tenant: string): number {
    return this.#held.get(tenant) ?? 0;
  }

  push(waiter: Waiter): Lane {
    const { lane: name, tenant, bytes } = waiter.entrant;
    const lane = this.lanes.get(name) ?? new Lane(name);
    this.lanes.set(name, lane);
    this.#held.set(tenant, this.heldBy(tenant) + 1);
    this.bytes += bytes;
    this.#settle(waiter, lane);
    return lane;
  }

  /** Takes a waiter out; does nothing for one who does not wait any more. */
  remove(waiter: Waiter): void {
    const lane = this.#unsettle(waiter);
    if (lane === undefined) return;
    if (lane.size === 0) this.lanes.delete(lane.name);
    const { tenant, bytes } = waiter.entrant;
    const held = this.heldBy(tenant) - 1;
    if (held > 0) this.#held.set(tenant, held);
    else this.#held.delete(tenant);
    this.bytes -= bytes;
  }

  /**
   * Moves everybody up who has waited in a class for so long.
   * @returns how many
   */
  promote(at: number, afterMs: number): number {
    return this.#promote('normal', 'interactive', at, afterMs) + this.#promote('batch', 'normal', at, afterMs);
  }

  #promote(from: PriorityClass, to: PriorityClass, at: number, afterMs: number): number {
    let moved = 0;
    for (;;) {
      const oldest = this.#ages[from].first?.item;
      if (oldest === undefined || at - oldest.since < afterMs) return moved;
      const lane = this.#unsettle(oldest);
      if (lane === undefined) return moved;
      oldest.priority = to;
      oldest.since = at;
      this.#settle(oldest, lane);
      moved++;
    }
  }

  /** From now on a tenant's requests stand in this order, those who wait already included. */
  setOrder(order: QueueOrder): void {
    if (order === this.#order) return;
    this.#order = order;
    for (const waiter of [...this.waiters()]) {
      const lane = this.#unsettle(waiter);
      if (lane !== undefined) this.#settle(waiter, lane);
    }
  }

  /** Everybody who waits: by class, those first who wait longest in it. */
  *waiters(): IterableIterator<Waiter> {
    for (const each of PRIORITY_CLASSES) {
      for (let slot = this.#ages[each].first; slot !== undefined; slot = slot.next[0]) yield slot.item;
    }
  }

  #settle(waiter: Waiter, lane: Lane): void {
    const { priority, entrant } = waiter;
    const home = lane.classes[priority];
    const age = this.#ages[priority].insert(waiter, waiter.since);
    if (entrant.returning) {
      waiter.place = { lane, flow: undefined, slot: home.returning.insert(waiter, waiter.arrivedAt), age };
    } else {
      const tenants = this.tenants[priority];
      const flow = tenants.flow(tenants.open(entrant.tenant), home);
      const key = orderKey(this.#order, entrant, waiter.arrivedAt);
      waiter.place = { lane, flow, slot: flow.waiters.insert(waiter, key), age };
    }
    home.size++;
    lane.size++;
    this.version++;
  }

  #unsettle(waiter: Waiter): Lane | undefined {
    const { place, priority } = waiter;
    if (place === undefined) return undefined;
    const { lane, flow, slot, age } = place;
    const home = lane.classes[priority];
    waiter.place = undefined;
    this.#ages[priority].remove(age);
    if (flow === undefined) {
      home.returning.remove(slot);
    } else {
      flow.waiters.remove(slot);
      if (flow.waiters.size === 0) this.tenants[priority].closeFlow(flow);
    }
    home.size--;
    lane.size--;
    if (home.size === 0) lane.shares.reset(priority);
    if (this.#ages[priority].size === 0) this.shares.reset(priority);
    this.version++;
    return lane;
  }
}
