import { considered } from '../dispatch/keep.ts';
import { ProxyError } from '../core/errors.ts';
import { modelKey } from '../core/model-name.ts';
import { PRIORITY_CLASSES } from '../core/types.ts';
import { explainAnswer, type ExplainAnswer } from '../results/decisions.ts';
import { readAsk, type Ask } from './ask.ts';
import { candidates } from './candidates.ts';
import { nothingTried } from './failover.ts';
import type { HandlerParts, HandlerSettings } from './parts.ts';
import { modelNotFoundText, routeOf } from './routes.ts';

/** The route that a request body is for: a chat has messages, everything else is taken for a prompt. */
const pathOf = (body: Buffer): string => (body.includes('"messages"') ? '/api/chat' : '/api/generate');

/**
 * Ranks the backends for an Ollama request without sending it: what a request like this one would meet now.
 * @throws ProxyError `bad_request` for what Ollama would refuse, `model_not_found`, and `no_backend` where nobody can
 *   take it now
 */
export const explainRequest = (parts: HandlerParts, body: Buffer): ExplainAnswer => {
  const settings = parts.settings();
  const path = pathOf(body);
  const ask = readAsk(routeOf('POST', path), path, {}, body, settings.hasher);
  const { category, why } = parts.categorizer.categorize(ask.prompt());
  return rank(parts, settings, ask, path, category, why);
};

const rank = (
  parts: HandlerParts,
  settings: HandlerSettings,
  ask: Ask,
  path: string,
  category: string,
  categoryWhy: string,
): ExplainAnswer => {
  const { registry, gaps, facts, gate, clock, rng } = parts;
  const tiers = settings.targets.tiers(ask.model, category);
  const keys = tiers.flat().map(({ key }) => key);
  if (!keys.some((key) => registry.knows(key)))
    throw new ProxyError('model_not_found', modelNotFoundText(path, ask.model));
  const open = candidates(registry, gaps, { tiers, method: 'POST', path }, nothingTried());
  const runners = open.find((tier) => tier.length > 0) ?? [];
  const obstacles = keys.flatMap((key) => registry.eligible(key).obstacles);
  const tracked = runners.flatMap((runner) => (runner.facts === undefined ? [] : [{ facts: runner.facts }]));
  if (tracked.length === 0 || tracked.length < runners.length) {
    const reasons = obstacles.map(({ backend, why }) => `${backend}: ${why}`).join('; ');
    throw new ProxyError('no_backend', `no backend can be ranked for ${ask.model} now${reasons && ` (${reasons})`}`);
  }
  const at = clock.now();
  const demand = ask.demand(category);
  const waiting = PRIORITY_CLASSES.reduce((sum, each) => sum + gate.depth(each), 0);
  const outlook = facts.foresee(demand, tracked, at, { waiting, hosts: registry.upCount }, 0);
  const task = { category, model: modelKey(ask.model), affinityKey: ask.affinityKey };
  const best = settings.strategy.rank(task, runners, { at, rng, outlook }).at(0)?.candidate;
  const chosen = runners.findIndex((runner) => runner === best);
  return explainAnswer({
    ...considered({ runners, outlook, chosen, at }),
    strategy: settings.strategy.name,
    model: ask.model,
    category,
    categoryWhy,
    demand,
    obstacles,
  });
};
