import type { Candidate, Strategy } from '../core/types.ts';
import { rankByCost } from './rank.ts';

/** Past this many ids the credits are dropped and a new cycle begins: ids of a long-lived process must not pile up. */
const REMEMBERED = 65_536;

/**
 * Smooth weighted round robin (nginx, ngx_http_upstream_round_robin.c): every turn each candidate earns its weight, the
 * richest goes first and pays what all earned together. Over a full cycle each candidate leads exactly `weight` times,
 * spread evenly rather than in bursts. Good for equal requests and a predictable share; blind to load and to speed.
 * Reads weight. Turns advance in `chosen`, so ranking twice for one request skips nobody; a candidate that leaves or
 * joins disturbs only the running cycle, because credits belong to ids and not to positions.
 */
export const roundRobin = (): Strategy => {
  const credits = new Map<string, number>();
  const creditOf = (candidate: Candidate): number => credits.get(candidate.id) ?? 0;

  return {
    name: 'round-robin',
    rank(_facts, candidates) {
      const costs: number[] = [];
      for (const candidate of candidates) costs.push(-(creditOf(candidate) + candidate.weight));
      return rankByCost(candidates, costs, (i) => {
        const candidate = candidates[i];
        return candidate === undefined ? '' : `turn by weight ${candidate.weight}, credit ${round(-(costs[i] ?? 0))}`;
      });
    },
    chosen(chosen, candidates) {
      if (credits.size > REMEMBERED) credits.clear();
      let earned = 0;
      for (const candidate of candidates) {
        earned += candidate.weight;
        credits.set(candidate.id, creditOf(candidate) + candidate.weight);
      }
      credits.set(chosen.id, creditOf(chosen) - earned);
    },
  };
};

/** Credits of fractional weights carry rounding dust that says nothing. */
const round = (credit: number): number => Math.round(credit * 1000) / 1000;
