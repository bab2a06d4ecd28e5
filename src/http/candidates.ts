import type { Runner } from '../backends/backend.ts';
import type { Registry } from '../backends/registry.ts';
import { ProxyError } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';
import { crowdOf, type Tier } from '../dispatch/shortlist.ts';
import type { Tried } from './failover.ts';
import type { RouteGaps } from './route-gaps.ts';
import type { Purpose } from './pool/changes-purpose.ts';
import type { Target, Tiers } from './targets.ts';

/** What is looked for: models that will do, on servers that have the route. */
export interface Wanted {
  readonly tiers: Tiers;
  readonly method: string;
  readonly path: string;
  /** The only backend that it may go to. */
  readonly pin?: string | undefined;
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
  { tiers, method, path, pin }: Wanted,
  tried: Tried,
): readonly (readonly Runner[])[] => {
  const first = tried.runners.size === 0 && tried.backends.size === 0;
  const gappy = gaps.has(method, path);
  if (first && tried.capability === undefined && pin === undefined && !gappy) {
    return tiers.map((tier) => eligibleOf(registry, tier));
  }
  const open = tiers.map((tier) =>
    tier.flatMap(({ key }) => {
      const { runners: all, spare = NOBODY } = registry.eligible(key);
      const runners = pin === undefined ? all : all.filter(({ backendId }) => backendId === pin);
      if (first && tried.capability === undefined) return runners;
      const fresh = runners.filter((runner) => mayTry(runner, tried));
      // Breakers hold back more than half: rather one of these than to fail the request.
      return fresh.length > 0
        ? fresh
        : spare.filter((runner) => mayTry(runner, tried) && isFor(pin, runner)).slice(0, 1);
    }),
  );
  if (!gappy) return open;
  const able = open.map((runners) => runners.filter(({ backend }) => !gaps.lacks(backend, method, path)));
  return first && able.every(({ length }) => length === 0) ? open : able;
};

const eligibleOf = (registry: Registry, tier: readonly Target[]): readonly Runner[] => {
  const [only] = tier;
  return only !== undefined && tier.length === 1
    ? registry.eligible(only.key).runners
    : tier.flatMap(({ key }) => registry.eligible(key).runners);
};

/**
 * The same for choosing a place: where a tier has very many runners it comes as a crowd, of which only a few are looked
 * at. Where there may be no one left to ask all are sifted as above.
 */
export const places = (
  registry: Registry,
  gaps: RouteGaps,
  wanted: Wanted,
  tried: Tried,
  rng: Rng,
): readonly Tier[] => {
  const { tiers, method, path, pin } = wanted;
  if (pin !== undefined || tiers.every((tier) => tier.every(({ key }) => registry.holders(key) === undefined))) {
    return candidates(registry, gaps, wanted, tried);
  }
  const gappy = gaps.has(method, path);
  const may = (runner: Runner): boolean =>
    mayTry(runner, tried) && !(gappy && gaps.lacks(runner.backend, method, path));
  const keysOf = (tier: readonly Target[]): readonly string[] => tier.map(({ key }) => key);
  const crowds = tiers.map((tier) => crowdOf(registry, keysOf(tier), may, rng));
  if (crowds.every((crowd) => crowd === undefined)) return candidates(registry, gaps, wanted, tried);
  return crowds.map(
    (crowd, tier) =>
      crowd ??
      keysOf(tiers[tier] ?? []).flatMap((key) => registry.eligible(key).runners.filter((runner) => may(runner))),
  );
};

const isFor = (pin: string | undefined, { backendId }: Runner): boolean => pin === undefined || backendId === pin;

/** @throws ProxyError `bad_request` for a backend that there is not, or a request that one cannot be chosen for */
export const mayPin = (registry: Registry, pin: string | undefined, purpose: Purpose): void => {
  if (pin === undefined) return;
  if (registry.get(pin) === undefined) {
    const named = JSON.stringify(pin.slice(0, 100));
    throw new ProxyError('bad_request', `header x-task-router-backend: no backend is called ${named}`);
  }
  if (purpose === 'unload') {
    throw new ProxyError('bad_request', 'header x-task-router-backend: a model is unloaded on all backends at once');
  }
};

const NOBODY: readonly Runner[] = [];

const mayTry = (runner: Runner, { runners, backends, capability }: Tried): boolean =>
  !runners.has(runner.id) &&
  !backends.has(runner.backendId) &&
  (capability === undefined || capabilitiesOf(runner)?.includes(capability) === true);
