import { OrderedList, type Slot } from './ordered-list.ts';
import type { LaneClass } from './lane.ts';
import type { Waiter } from './waiter.ts';

/** Tenants that are remembered per class. One more costs the least recently seen idle one its history. */
const MAX_ACCOUNTS = 4_096;
/** What a tenant was served in one class. */
export interface Account {
  readonly name: string;
  /** Tokens served, by weight: the tenant with the least is next. */
  counter: number;
  /** What it would have been served by now if those had started who lean, as of the walk `leanedIn`. */
  leaned: number;
  leanedIn: number;
  /** The lanes in which it waits. */
  readonly flows: Set<Flow>;
  /** Its place among those who wait; undefined while it is idle. */
  active: Slot<Account> | undefined;
}

/** The waiters of one tenant in one class of one lane, by key. */
export interface Flow {
  readonly account: Account;
  readonly home: LaneClass;
  readonly waiters: OrderedList<Waiter>;
  /** Its place among the flows of `home`; undefined once it was given up. */
  slot: Slot<Flow> | undefined;
}

const newAccount = (name: string): Account => ({
  name,
  counter: 0,
  leaned: 0,
  leanedIn: -1,
  flows: new Set(),
  active: undefined,
});

/**
 * The virtual token counters of one class (VTC: Sheng et al., "Fairness in Serving Large Language Models", OSDI'24):
 * the tenant that has been served least is next, and one that comes back from idling is lifted to the least of those
 * who wait, so that nobody saves up. Classes count apart: a request that is promoted to another one counts there as a
 * newcomer's, so what one tenant may get ahead of another is bounded once per class. Bounded; all operations O(lanes in which the tenant waits · log).
 */
export class Tenants {
  /** In the order in which they were last seen. */
  readonly #accounts = new Map<string, Account>();
  /** Shared by those who come while as many tenants wait as are remembered. */
  readonly #others = newAccount('(others)');
  readonly #active = new OrderedList<Account>();
  /** Who was served last while nobody waited, or left last: what newcomers are lifted to when nobody waits. */
  #latest: Account | undefined;

  /** The tenant's account, lifted if it was idle. */
  open(name: string): Account {
    const account = this.#find(name);
    if (account.active === undefined) {
      const least = this.#active.first?.item ?? this.#latest;
      account.counter = Math.max(account.counter, least?.counter ?? 0);
    }
    return account;
  }

  /** The tenant's line in one class of a lane; made where there is none. */
  flow(account: Account, home: LaneClass): Flow {
    const known = home.byTenant.get(account.name);
    if (known !== undefined) return known;
    const flow: Flow = { account, home, waiters: new OrderedList(), slot: undefined };
    flow.slot = home.flows.insert(flow, account.counter);
    home.byTenant.set(account.name, flow);
    account.flows.add(flow);
    account.active ??= this.#active.insert(account, account.counter);
    return flow;
  }

  /** Gives up a line in which nobody is left. */
  closeFlow(flow: Flow): void {
    const { account, home } = flow;
    if (flow.slot !== undefined) home.flows.remove(flow.slot);
    flow.slot = undefined;
    home.byTenant.delete(account.name);
    account.flows.delete(flow);
    if (account.flows.size > 0 || account.active === undefined) return;
    this.#active.remove(account.active);
    account.active = undefined;
    this.#latest = account;
  }

  /**
   * Counts service for, or with a negative number against, a tenant.
   * @param amount weighted tokens
   */
  charge(account: Account, amount: number): void {
    account.counter = Math.max(0, account.counter + amount);
    if (account.active === undefined) {
      if (this.#active.size === 0 && amount > 0) this.#latest = account;
      return;
    }
    this.#active.remove(account.active);
    account.active = this.#active.insert(account, account.counter);
    for (const flow of account.flows) {
      if (flow.slot !== undefined) flow.home.flows.remove(flow.slot);
      flow.slot = flow.home.flows.insert(flow, account.counter);
    }
  }

  *[Symbol.iterator](): IterableIterator<Account> {
    yield* this.#accounts.values();
  }

  #find(name: string): Account {
    const known = this.#accounts.get(name);
    if (known !== undefined) {
      this.#accounts.delete(name);
      this.#accounts.set(name, known);
      return known;
    }
    if (this.#accounts.size >= MAX_ACCOUNTS && !this.#forgetOne()) return this.#others;
    const account = newAccount(name);
    this.#accounts.set(name, account);
    return account;
  }

  /** Forgets the idle tenant that was seen longest ago; those who wait are passed over and count as seen. */
  #forgetOne(): boolean {
    for (let looked = this.#accounts.size; looked > 0; looked--) {
      const [oldest] = this.#accounts.values();
      if (oldest === undefined) return false;
      this.#accounts.delete(oldest.name);
      if (oldest.active === undefined) return true;
      this.#accounts.set(oldest.name, oldest);
    }
    return false;
  }
}
