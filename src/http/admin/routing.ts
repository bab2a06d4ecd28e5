import { z } from 'zod';
import { STRATEGY_NAMES, UnknownStrategyError } from '../../routing/index.ts';
import { AdminError, limitOf, type AdminRoute } from './route.ts';

export const strategySchema = z.strictObject({ strategy: z.string().meta({ enum: [...STRATEGY_NAMES] }) });
export const categorizeSchema = z.strictObject({ prompt: z.string(), system: z.string().default('') });

/** As many as are kept. */
export const MAX_DECISIONS = 1_000;
export const USUAL_DECISIONS = 50;

/** How requests are routed, and how they were. */
export const routingRoutes: readonly AdminRoute[] = [
  { method: 'GET', path: 'strategy', run: ({ control }) => ({ ...control.strategy(), learned: control.learned() }) },
  {
    method: 'PUT',
    path: 'strategy',
    async run({ control, who, body }) {
      const { strategy } = await body(strategySchema);
      try {
        control.setStrategy(strategy, who);
      } catch (error) {
        if (!(error instanceof UnknownStrategyError)) throw error;
        throw new AdminError(400, error.message, { available: control.strategy().available });
      }
      return control.strategy();
    },
  },
  { method: 'GET', path: 'models', run: ({ control }) => ({ models: control.models() }) },
  { method: 'GET', path: 'metrics', run: ({ control }) => ({ models: control.modelMetrics() }) },
  {
    method: 'POST',
    path: 'metrics/reset',
    run({ control, who }) {
      control.resetMetrics(who);
      return { reset: true };
    },
  },
  {
    method: 'POST',
    path: 'categorize',
    async run({ control, body }) {
      const { prompt, system } = await body(categorizeSchema);
      return control.categorize(prompt, system);
    },
  },
  {
    method: 'GET',
    path: 'decisions',
    run: ({ control, query }) => ({ decisions: control.decisions(limitOf(query, USUAL_DECISIONS, MAX_DECISIONS)) }),
  },
  {
    method: 'GET',
    path: 'decisions/*',
    run({ control, name }) {
      const found = control.decision(name);
      if (found === undefined) {
        throw new AdminError(404, `no request ${JSON.stringify(name)} among the last ${MAX_DECISIONS}`);
      }
      return found;
    },
  },
  {
    method: 'POST',
    path: 'explain',
    run: async ({ control, bytes }) => control.explain(await bytes()),
  },
];
