import { parseArgs } from 'node:util';
import type { ReusePolicy } from '../../src/sim/model/reuse.ts';
import type { Scene } from './cell.ts';
import { faultPlan, FAULTS } from './faults.ts';
import { FLEET_NAMES } from './fleets.ts';
import { POLICIES, policyOf } from './policies.ts';
import { PRESETS, presetSpec, VARIANTS } from './presets.ts';

export interface RunOptions {
  readonly scenes: readonly Scene[];
  readonly policies: readonly string[];
  readonly seeds: number;
  /** Factors on the rate at which the share of good requests is plotted; empty = no such plot. */
  readonly rateFactors: readonly number[];
  readonly capacity: boolean;
  readonly json: string | undefined;
}

const REUSE: readonly ReusePolicy[] = ['many', 'one-per-slot', 'one-per-model'];
/** Enough for the tail that the tables show, and short enough for a default run of three minutes. */
const DEFAULT_REQUESTS = 4000;
const DEFAULT_SEEDS = 3;
const FULL_REQUESTS = 10_000;
const FULL_SEEDS = 5;
const RATE_FACTORS = [0.4, 0.7, 1, 1.3, 1.6];

/** Left out of a default run: each is close to another one, or a caution that takes long to drown. */
const ONLY_WHEN_ASKED = new Set([
  'random',
  'session-hash',
  'bounded-hash',
  'warm-strict',
  'sticky',
  'lmetric',
  'sglang',
]);

export const USAGE = `npx tsx bench/sim/run.ts
  --preset a,b     ${Object.keys(PRESETS).join(', ')}   (default science)
  --variant a+b    what is put on top of the preset: ${Object.keys(VARIANTS).join(', ')}
  --fleet F        ${FLEET_NAMES.join(', ')}   (default: the preset's)
  --faults F       ${Object.keys(FAULTS).join(', ')}   (from the fifth minute on: give enough requests)
  --policies a,b   ${Object.keys(POLICIES).join(', ')}
  --seeds N  --requests N  --rate R (requests per second)
  --slots N        slots of every server       --untold   do not tell the policies the slots
  --reuse R        many, one-per-slot, one-per-model
  --retry          baselines try a failed request once more
  --capacity       search the rate that each policy bears
  --no-rates       leave out the plot of good requests against the rate
  --full           all presets, all policies, ${FULL_SEEDS} seeds, ${FULL_REQUESTS} requests, capacity
  --json FILE      every single result`;

/** Names between commas; undefined where the option is not given. */
export const list = (text: string | undefined): readonly string[] | undefined =>
  text?.split(',').filter((part) => part !== '');

/** A whole number above 0 from the command line; undefined where it is not given. Throws on anything else. */
export const whole = (name: string, text: string | undefined): number | undefined => {
  const value = positive(name, text);
  if (value !== undefined && !Number.isInteger(value)) throw new Error(`--${name} ${text}: give a whole number`);
  return value;
};

/** A number above 0 from the command line; undefined where it is not given. Throws on anything else. */
export const positive = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} ${text}: give a number above 0`);
  return value;
};

/** Throws on a name that does not exist. */
export const reuseOf = (text: string | undefined): ReusePolicy | undefined => {
  if (text === undefined) return undefined;
  const found = REUSE.find((policy) => policy === text);
  if (found === undefined) throw new Error(`--reuse ${text}: give one of ${REUSE.join(', ')}`);
  return found;
};

/** Reads the command line. Throws with what to give instead where a value makes no sense. */
export const readOptions = (args: readonly string[]): RunOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      preset: { type: 'string' },
      variant: { type: 'string' },
      fleet: { type: 'string' },
      faults: { type: 'string', default: 'none' },
      policies: { type: 'string' },
      seeds: { type: 'string' },
      requests: { type: 'string' },
      rate: { type: 'string' },
      slots: { type: 'string' },
      untold: { type: 'boolean', default: false },
      reuse: { type: 'string' },
      retry: { type: 'boolean', default: false },
      capacity: { type: 'boolean', default: false },
      'no-rates': { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const everything = Object.keys(POLICIES);
  const usual = values.full ? everything : everything.filter((name) => !ONLY_WHEN_ASKED.has(name));
  const presets = list(values.preset) ?? (values.full ? Object.keys(PRESETS) : ['science']);
  const policies = list(values.policies) ?? usual;
  const variants = values.variant?.split('+') ?? [];
  // Names are looked up here, so that a mistake shows before anything runs.
  for (const preset of presets) presetSpec(preset, variants);
  for (const policy of policies) policyOf(policy);
  faultPlan(values.faults, []);
  if (values.fleet !== undefined && !FLEET_NAMES.includes(values.fleet)) {
    throw new Error(`no fleet is called ${values.fleet}: take one of ${FLEET_NAMES.join(', ')}`);
  }
  return {
    scenes: presets.map((preset) => ({
      preset,
      variants,
      fleet: values.fleet,
      rate: positive('rate', values.rate),
      slots: whole('slots', values.slots),
      reuse: reuseOf(values.reuse),
      faults: values.faults,
      requests: whole('requests', values.requests) ?? (values.full ? FULL_REQUESTS : DEFAULT_REQUESTS),
      retry: values.retry,
      tellSlots: !values.untold,
    })),
    policies,
    seeds: whole('seeds', values.seeds) ?? (values.full ? FULL_SEEDS : DEFAULT_SEEDS),
    rateFactors: values['no-rates'] ? [] : RATE_FACTORS,
    capacity: values.capacity || values.full,
    json: values.json,
  };
};
