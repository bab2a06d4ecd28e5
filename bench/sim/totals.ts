import type { MachineCounters } from '../../src/sim/model/machine-types.ts';
import type { SimServer } from './server.ts';

/** What the machines of a pool did, summed. */
export class Totals {
  readonly loads: number;
  readonly evictions: number;
  readonly reloads: number;
  /** Tokens read (without the remembered ones) and written, for whomever. */
  readonly workTokens: number;

  constructor(loads: number, evictions: number, reloads: number, workTokens: number) {
    this.loads = loads;
    this.evictions = evictions;
    this.reloads = reloads;
    this.workTokens = workTokens;
  }

  minus(earlier: Totals): Totals {
    return new Totals(
      this.loads - earlier.loads,
      this.evictions - earlier.evictions,
      this.reloads - earlier.reloads,
      this.workTokens - earlier.workTokens,
    );
  }
}

export const totalsOf = (servers: Iterable<SimServer>): Totals => {
  const sum = { loads: 0, evictions: 0, reloads: 0, workTokens: 0 };
  for (const { machine } of servers) {
    const counters: MachineCounters = machine.counters;
    sum.loads += counters.loads;
    sum.evictions += counters.evictions;
    sum.reloads += counters.reloads;
    sum.workTokens += counters.promptTokens - counters.cachedTokens + counters.outputTokens;
  }
  return new Totals(sum.loads, sum.evictions, sum.reloads, sum.workTokens);
};
