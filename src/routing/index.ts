import type { Strategy } from '../core/types.ts';
import { affinity } from './affinity.ts';
import { hybrid } from './hybrid.ts';
import { learned } from './learned.ts';
import { leastLoaded } from './least-loaded.ts';
import { performance } from './performance.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';

/** The names under which strategies appear in configuration, headers, logs and metrics. */
export const STRATEGY_NAMES = [
  'round-robin',
  'least-loaded',
  'random',
  'performance',
  'affinity',
  'hybrid',
  'learned',
] as const;
export type StrategyName = (typeof STRATEGY_NAMES)[number];

/** The one table: a new strategy is a file and a line here. */
const factories: Readonly<Record<StrategyName, () => Strategy>> = {
  'round-robin': roundRobin,
  'least-loaded': leastLoaded,
  random,
  performance,
  affinity,
  hybrid,
  learned,
};

/** Strategies that deal out turns whatever a candidate is good for: of a large pool they must see everybody as often. */
export const DEALING: ReadonlySet<string> = new Set<StrategyName>(['round-robin', 'random']);

/** A strategy was asked for by a name that does not exist. `strategy` is that name. */
export class UnknownStrategyError extends Error {
  override readonly name = 'UnknownStrategyError';
  readonly strategy: string;

  constructor(strategy: string) {
    super(`unknown strategy ${JSON.stringify(strategy)}: choose one of ${STRATEGY_NAMES.join(', ')}`);
    this.strategy = strategy;
  }
}

/** Is there a strategy of this name? Exact spelling. */
export const isStrategyName = (name: string): name is StrategyName =>
  (STRATEGY_NAMES as readonly string[]).includes(name);

/**
 * A new strategy with private memory of its own.
 * @throws {UnknownStrategyError} with the list of names.
 */
export const createStrategy = (name: string): Strategy => {
  if (!isStrategyName(name)) throw new UnknownStrategyError(name);
  return factories[name]();
};
