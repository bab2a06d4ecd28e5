import type { Runner } from './backend.ts';

/** From so many runners of a model on, twice as many as are looked at then, they are kept in groups. */
export const CROWD = 41;

/**
 * What a runner is good for, as far as can be told without a request: `warm` = in memory and not full, `cold` = not in
 * memory and idle, `busy` = full, `out` = was found to take nothing, whoever asks.
 */
export type Standing = 'warm' | 'cold' | 'busy' | 'out';

/**
 * All runners of one model of which there are many, in groups by what they are good for. A runner moves in O(1), with
 * every event of its server; what comes with time alone (a breaker that lets go, a model that leaves memory) shows at the
 * next look at the server. So `warm` and `cold` may hold some that cannot start a request, but whoever can is in there.
 */
export class Holders {
  readonly model: string;
  /** In the order of the configuration. */
  readonly all: readonly Runner[];
  readonly warm: Runner[] = [];
  readonly cold: Runner[] = [];
  readonly busy: Runner[] = [];
  readonly out: Runner[] = [];
  /** Requests that found nobody, to be counted by whoever asks. */
  misses = 0;

  /** @param all kept, not copied */
  constructor(model: string, all: readonly Runner[]) {
    this.model = model;
    this.all = all;
  }

  /** Takes a runner in that is in no group yet, or moves it. */
  put(runner: Runner, to: Standing): void {
    if (runner.holders === this && runner.standing === to) return;
    runner.holders?.drop(runner);
    const group = this[to];
    runner.holders = this;
    runner.standing = to;
    runner.place = group.length;
    group.push(runner);
  }

  /** Takes a runner out of all groups. */
  drop(runner: Runner): void {
    if (runner.holders !== this) return;
    const group = this[runner.standing];
    const last = group.pop();
    if (last !== undefined && last !== runner) {
      group[runner.place] = last;
      last.place = runner.place;
    }
    runner.holders = undefined;
  }

  /** Puts a runner where it stands at `at`. O(models in memory on its server) */
  settle(runner: Runner, at: number): void {
    this.put(runner, standingOf(runner, at));
  }
}

const standingOf = ({ facts, model }: Runner, at: number): Standing => {
  if (facts === undefined) return 'cold';
  if (facts.works.length >= facts.slots.limit(at)) return 'busy';
  return facts.host.residency.holds(model, at) ? 'warm' : 'cold';
};
