import type { Strategy } from '../core/types.ts';
import { hybrid } from './hybrid.ts';
import { leastLoaded } from './least-loaded.ts';
import { performance } from './performance.ts';

/** The ways to choose that `learned` chooses among; the first one is where it starts, and where it goes back to. */
export const ARM_NAMES = ['hybrid', 'hybrid-sticky', 'hybrid-latency', 'least-loaded', 'performance'] as const;
export type ArmName = (typeof ARM_NAMES)[number];

export const HOME_ARM: ArmName = 'hybrid';

/** Is there an arm of this name? Exact spelling. */
export const isArmName = (name: string): name is ArmName => (ARM_NAMES as readonly string[]).includes(name);

/** `hybrid-sticky`: a ms of reading afresh counts three times, so that a conversation is rarely read anew elsewhere. */
const STICKY_FRESH = 2;
/** `hybrid-latency`: a ms of writing counts in full, so that the end of an answer is minded as much as its start. */
const FULL_DECODE = 1;

const factories: Readonly<Record<ArmName, () => Strategy>> = {
  hybrid: () => hybrid(),
  'hybrid-sticky': () => hybrid({ fresh: STICKY_FRESH }),
  'hybrid-latency': () => hybrid({ decode: FULL_DECODE }),
  'least-loaded': leastLoaded,
  performance,
};

/** What an arm is called where a strategy is named: it says in logs and decisions by whom was chosen. */
export const armStrategyName = (arm: ArmName): string => `learned/${arm}`;

/** One arm, with private memory of its own. */
export const createArm = (arm: ArmName): Strategy => ({ ...factories[arm](), name: armStrategyName(arm) });

/** A value for each arm. */
export const forArms = <Value>(of: (name: ArmName) => Value): Readonly<Record<ArmName, Value>> => ({
  hybrid: of('hybrid'),
  'hybrid-sticky': of('hybrid-sticky'),
  'hybrid-latency': of('hybrid-latency'),
  'least-loaded': of('least-loaded'),
  performance: of('performance'),
});
