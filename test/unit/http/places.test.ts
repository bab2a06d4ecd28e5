import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/rng.ts';
import { Crowd, type Tier } from '../../../src/dispatch/shortlist.ts';
import { candidates, places, type Wanted } from '../../../src/http/candidates.ts';
import { nothingTried, type Tried } from '../../../src/http/failover.ts';
import { RouteGaps } from '../../../src/http/route-gaps.ts';
import { newPool, type TestPool } from '../dispatch/pool.ts';

const BIG = 'big:latest';
const SMALL = 'small:latest';
const ROUTE = { method: 'POST', path: '/api/chat' };

/** Of 100 servers all have one model, and the first two another one as well. */
const pool = (): TestPool => {
  const names = Array.from({ length: 100 }, (_, i) => `s${i}`);
  const made = newPool(...names);
  names.forEach((name, i) => made.look(name, i < 2 ? [BIG, SMALL] : [BIG]));
  return made;
};

const target = (key: string) => ({ key, name: key });

const placesIn = (
  { registry }: TestPool,
  tiers: Wanted['tiers'],
  { gaps = new RouteGaps(), tried = nothingTried() }: { readonly gaps?: RouteGaps; readonly tried?: Tried } = {},
): readonly Tier[] => places(registry, gaps, { tiers, ...ROUTE }, tried, seededRng(3));

const idsOf = (tier: Tier | undefined): readonly string[] =>
  tier === undefined || tier instanceof Crowd ? [] : tier.map(({ id }) => id);

describe('where a request may be placed', () => {
  it('is a list where few have the model, and a crowd where many do', () => {
    const [first, second] = placesIn(pool(), [[target(SMALL)], [target(BIG)]]);
    expect(idsOf(first)).toEqual([`s0/${SMALL}`, `s1/${SMALL}`]);
    expect(second).toBeInstanceOf(Crowd);
  });

  it('counts the few of another model into the crowd that suits equally well', () => {
    const [tier] = placesIn(pool(), [[target(BIG), target(SMALL)]]);
    expect(tier instanceof Crowd && idsOf(tier.few)).toEqual([`s0/${SMALL}`, `s1/${SMALL}`]);
  });

  it('leaves out of a crowd whoever failed the request, or is known to lack the route', () => {
    const made = pool();
    const gaps = new RouteGaps();
    gaps.learn({ id: 's7', version: '0.33.0' }, ROUTE.method, ROUTE.path);
    const tried = nothingTried();
    tried.backends.add('s8');
    tried.runners.add(`s9/${BIG}`);
    const [tier] = placesIn(made, [[target(BIG)]], { gaps, tried });
    const barred = tier instanceof Crowd ? tier.pools.flatMap(({ all }) => all.filter((each) => !tier.may(each))) : [];
    expect(barred.map(({ backendId }) => backendId)).toEqual(['s7', 's8', 's9']);
  });

  it('is who may be asked at all where everybody lacks the route or takes nothing', () => {
    const made = pool();
    const gaps = new RouteGaps();
    for (const id of made.registry.ids()) gaps.learn({ id, version: '0.33.0' }, ROUTE.method, ROUTE.path);
    const wanted = { tiers: [[target(BIG)]], ...ROUTE };
    const [tier] = placesIn(made, wanted.tiers, { gaps });
    expect(idsOf(tier)).toHaveLength(100);
    for (const id of made.registry.ids()) made.registry.setEnabled(id, false);
    expect(placesIn(made, wanted.tiers)).toEqual(candidates(made.registry, new RouteGaps(), wanted, nothingTried()));
    expect(idsOf(placesIn(made, wanted.tiers)[0])).toEqual([]);
  });
});
