import type { PriorityClass } from '../core/types.ts';
import type { Entrant } from './entrant.ts';
import type { Account, Tenants } from './tenants.ts';

/** What was really served to a request. */
export interface Served {
  /** Tokens of the prompt that had to be read. */
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** Weights of a token read and a token written: writing takes a pass over the model each (VTC, OSDI'24, §4). */
const PROMPT_WEIGHT = 1;
const OUTPUT_WEIGHT = 2;

/** What a request costs its tenant when it starts. At least one token: whoever starts has had a turn. */
export const chargeOf = ({ promptTokens, tenantWeight }: Entrant): number =>
  Math.max(1, PROMPT_WEIGHT * promptTokens) / tenantWeight;

interface Charge {
  readonly tenants: Tenants;
  readonly account: Account;
  readonly amount: number;
}

/** Charges tenants for what starts, and corrects the charge once it is known what was served. */
export class ServiceBook {
  readonly #tenants: Readonly<Record<PriorityClass, Tenants>>;
  /** Weak: what nobody settles must not be remembered for ever. */
  readonly #charges = new WeakMap<Entrant, Charge>();

  constructor(tenants: Readonly<Record<PriorityClass, Tenants>>) {
    this.#tenants = tenants;
  }

  /** @param priority the class in which it started */
  charge(entrant: Entrant, priority: PriorityClass): void {
    const tenants = this.#tenants[priority];
    const account = tenants.open(entrant.tenant);
    const amount = chargeOf(entrant);
    tenants.charge(account, amount);
    this.#charges.set(entrant, { tenants, account, amount });
  }

  /** Puts what was served in place of what was charged; nothing where it failed. The first call counts. */
  settle(entrant: Entrant, served: Served | undefined): void {
    const charge = this.#charges.get(entrant);
    if (charge === undefined) return;
    this.#charges.delete(entrant);
    const tokens = served === undefined ? 0 : PROMPT_WEIGHT * served.promptTokens + OUTPUT_WEIGHT * served.outputTokens;
    charge.tenants.charge(charge.account, tokens / entrant.tenantWeight - charge.amount);
  }
}
