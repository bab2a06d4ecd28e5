import type { Runner } from '../backends/backend.ts';
import type { Registry } from '../backends/registry.ts';
import type { Tried } from './failover.ts';
import type { RouteGaps } from './route-gaps.ts';
import type { Tiers } from './targets.ts';

/** What is looked for: models that will do, on servers that have the route. */
export interface Wanted {
  readonly tiers: Tiers;
  readonly method: string;
  readonly path: string;
}

/** What a server lists a model to be capable of; undefined from versions that do not list it. */
const capabilitiesOf = ({ backend, model }: Runner): readonly unknown[] | undefined => {
  const listed = backend.installed.get(model)?.entry['capabilities'];
  return Array.isArray(listed) ? (listed as readonly unknown[]) : undefined;
};

/**
 * Who may still be asked, tier by tier: who can take a request now and has not failed it yet. Servers known not to have
 * the route come into question only where all are such, and then once, so that it is a real server that says so.
 */
export const candidates = (
  registry: Registry,
  gaps: RouteGaps,
  { tiers, method, path }: Wanted,
  tried: Tried,
): readonly (readonly Runner[])[] => {
  const open = tiers.map((tier) =>
    tier.flatMap(({ key }) => registry.eligible(key).runners.filter((runner) => mayTry(runner, tried))),
  );
  const able = open.map((runners) => runners.filter(({ backend }) => !gaps.lacks(backend, method, path)));
  const first = tried.runners.size === 0 && tried.backends.size === 0;
  return first && able.every(({ length }) => length === 0) ? open : able;
};

const mayTry = (runner: Runner, { runners, backends, capability }: Tried): boolean =>
  !runners.has(runner.id) &&
  !backends.has(runner.backendId) &&
  (capability === undefined || capabilitiesOf(runner)?.includes(capability) === true);
