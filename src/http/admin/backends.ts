import { z } from 'zod';
import type { Control } from '../control.ts';
import { AdminError, type AdminRoute, type Call } from './route.ts';

const patchSchema = z
  .strictObject({
    weight: z.number().positive().max(1_000).optional(),
    enabled: z.boolean().optional(),
    drain: z.boolean().optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'name at least one of weight, enabled, drain');

const noSuchBackend = (call: Call): AdminError =>
  new AdminError(404, `no backend is called ${JSON.stringify(call.name)}`, {
    backends: call.control.backends().map(({ name }) => name),
  });

const oneBackend = (call: Call): unknown => {
  const found = call.control.backends().find(({ name }) => name === call.name);
  if (found === undefined) throw noSuchBackend(call);
  return found;
};

const pickHealth = ({ health, breaker, lastError }: ReturnType<Control['backends']>[number]): object => ({
  health,
  breaker,
  lastError,
});

/** The servers: what they are, and the operator's hand on them. */
export const backendRoutes: readonly AdminRoute[] = [
  { method: 'GET', path: 'backends', run: ({ control }) => ({ backends: control.backends() }) },
  { method: 'GET', path: 'backends/*', run: oneBackend },
  {
    method: 'PATCH',
    path: 'backends/*',
    async run(call) {
      const patch = await call.body(patchSchema);
      if (!call.control.patchBackend(call.name, patch, call.who)) throw noSuchBackend(call);
      return oneBackend(call);
    },
  },
  {
    method: 'POST',
    path: 'backends/*/recover',
    run(call) {
      if (!call.control.recoverBackend(call.name, call.who)) throw noSuchBackend(call);
      return oneBackend(call);
    },
  },
  {
    method: 'GET',
    path: 'health',
    run({ control }) {
      const { ready, reason } = control.ready();
      const backends = control.backends();
      return {
        ready,
        reason,
        backends: Object.fromEntries(
          backends.map((each) => [
            each.name,
            { healthy: each.health === 'up' && each.breaker !== 'open', ...pickHealth(each) },
          ]),
        ),
      };
    },
  },
];
