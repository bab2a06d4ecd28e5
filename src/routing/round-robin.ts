import type { Candidate, Strategy } from '../core/types.ts';
import { rankByCost } from './rank.ts';

/** Past this many ids the credits are dropped and a new cycle begins: ids of a long-lived process must not pile up. */
const REMEMBERED = 65_536;

/** What separates those without a free slot from those with one; far above any credit, which never exceeds a cycle. */
const SITS_OUT = 1e9;

/**
 * Smooth weighted round robin (nginx, ngx_http_upstream_round_robin.c): every turn each candidate earns its weight, the
 * richest goes first and pays what all earned together. Over a full cycle each candidate leads exactly `weight` times,
 * spread evenly rather than in bursts. Good for equal requests and a predictable share; blind to load and to speed.
 * Reads weight. Turns advance in `chosen`, so ranking twice for one request skips nobody; a candidate that leaves or
 * joins disturbs no more than one cycle, the longer one of before and after, because credits belong to ids and not to
 * positions.
 *
 * With an outlook, whoever has no free slot comes after all who have one and sits the turn out: it earns nothing, as a
 * full peer does in nginx, or it would come back with a debt that the others have to pay off in one burst. While nobody
 * has a free slot, all take part.
 */
export const roundRobin = (): Strategy => {
  const credits = new Map<string, number>();
  const creditOf = (candidate: Candidate): number => credits.get(candidate.id) ?? 0;
  // Who takes part in the turn that was ranked last: `chosen` belongs to that ranking.
  let ranked: readonly Candidate[] | undefined;
  let ready = new Uint8Array(0);
  const sitsOut = (candidates: readonly Candidate[], index: number): boolean =>
    candidates === ranked && ready[index] === 0;

  return {
    name: 'round-robin',
    rank(_facts, candidates, { outlook }) {
      ranked = undefined;
      if (outlook !== undefined) {
        if (ready.length < candidates.length) ready = new Uint8Array(2 * candidates.length);
        let some = 0;
        for (let i = 0; i < candidates.length; i++) some |= ready[i] = outlook.ready[i] ?? 0;
        if (some !== 0) ranked = candidates;
      }
      const costs: number[] = [];
      for (let i = 0; i < candidates.length; i++) {
        const candidate = candidates[i];
        if (candidate === undefined) continue;
        const turn = -(creditOf(candidate) + candidate.weight);
        costs.push(sitsOut(candidates, i) ? SITS_OUT + turn : turn);
      }
      return rankByCost(candidates, costs, (i) => {
        const candidate = candidates[i];
        if (candidate === undefined) return '';
        const cost = costs[i] ?? 0;
        if (outlook !== undefined && cost >= SITS_OUT / 2) return `no free slot, weight ${candidate.weight}`;
        return `turn by weight ${candidate.weight}, credit ${round(-cost)}`;
      });
    },
    chosen(chosen, candidates) {
      if (credits.size > REMEMBERED) credits.clear();
      let earned = 0;
      for (let i = 0; i < candidates.length; i++) {
        const candidate = candidates[i];
        if (candidate === undefined || sitsOut(candidates, i)) continue;
        earned += candidate.weight;
        credits.set(candidate.id, creditOf(candidate) + candidate.weight);
      }
      credits.set(chosen.id, creditOf(chosen) - earned);
    },
  };
};

/** Credits of fractional weights carry rounding dust that says nothing. */
const round = (credit: number): number => Math.round(credit * 1000) / 1000;
