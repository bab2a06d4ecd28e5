import { LeastTime, PeakEwma } from './latency-baselines.ts';
import { ALL_TOLD } from './oracle.ts';
import { ours } from './ours.ts';
import type { SimPolicy } from './policy.ts';
import { CacheAware, LMetric, ScoreBlend, StickyUntilSaturated, WarmLMetric } from './prefix-baselines.ts';
import {
  BoundedHash,
  CentralQueue,
  LeastConnections,
  RandomChoice,
  RoundRobin,
  SessionHash,
  TwoChoices,
  WarmSpill,
  WarmStrict,
} from './simple-baselines.ts';

export interface PolicyOptions {
  /** Failures before the first token are tried once more elsewhere. */
  readonly retry: boolean;
}

/** Every policy that can be run, by the name it is asked for. A new one is one line here. */
export const POLICIES: Readonly<Record<string, (options: PolicyOptions) => SimPolicy>> = {
  'round-robin': ({ retry }) => new RoundRobin(retry),
  random: ({ retry }) => new RandomChoice(retry),
  'least-connections': ({ retry }) => new LeastConnections(retry),
  p2c: ({ retry }) => new TwoChoices(retry),
  'session-hash': ({ retry }) => new SessionHash(retry),
  'bounded-hash': ({ retry }) => new BoundedHash(retry),
  maxconn: ({ retry }) => new CentralQueue(retry),
  'warm-strict': ({ retry }) => new WarmStrict(retry),
  'peak-ewma': ({ retry }) => new PeakEwma(retry),
  'least-time': ({ retry }) => new LeastTime(retry),
  sglang: ({ retry }) => new CacheAware(retry),
  'llm-d': ({ retry }) => new ScoreBlend(retry),
  sticky: ({ retry }) => new StickyUntilSaturated(retry),
  lmetric: ({ retry }) => new LMetric(retry),
  'lmetric-warm': ({ retry }) => new WarmLMetric(retry),
  'warm-spill': ({ retry }) => new WarmSpill(retry),
  // The router itself, once for each of its strategies, and told the truth instead of learning it.
  ours: () => ours({ name: 'ours', strategy: 'hybrid', placement: true }),
  // Without the background copies of models that the proxy makes by default.
  'ours-unplaced': () => ours({ name: 'ours-unplaced', strategy: 'hybrid' }),
  // Without a second attempt, to compare with routers that have none.
  'ours-once': () => ours({ name: 'ours-once', strategy: 'hybrid', placement: true, attempts: 1 }),
  'ours-scan': () => ours({ name: 'ours-scan', strategy: 'hybrid', placement: true, scansAll: true }),
  'ours-told': () => ours({ name: 'ours-told', strategy: 'hybrid', placement: true, told: ALL_TOLD }),
  // Ablation: one kind of fact is told, the others are learned.
  ...Object.fromEntries(
    ALL_TOLD.map((fact) => [
      `ours-told-${fact}`,
      () => ours({ name: `ours-told-${fact}`, strategy: 'hybrid', placement: true, told: [fact] }),
    ]),
  ),
  'ours-round-robin': () => ours({ name: 'ours-round-robin', strategy: 'round-robin' }),
  'ours-random': () => ours({ name: 'ours-random', strategy: 'random' }),
  'ours-least-loaded': () => ours({ name: 'ours-least-loaded', strategy: 'least-loaded' }),
  'ours-performance': () => ours({ name: 'ours-performance', strategy: 'performance' }),
  // Starts as `ours`, and may find something better.
  'ours-learned': () => ours({ name: 'ours-learned', strategy: 'learned', placement: true }),
  'ours-affinity': () => ours({ name: 'ours-affinity', strategy: 'affinity' }),
};

/** A policy by its name. Throws on an unknown one. */
export const policyOf = (name: string): ((options: PolicyOptions) => SimPolicy) => {
  const make = POLICIES[name];
  if (make === undefined) {
    throw new Error(`no policy is called ${name}: take some of ${Object.keys(POLICIES).join(', ')}`);
  }
  return make;
};
