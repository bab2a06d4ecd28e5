import { z } from 'zod';
import type { Control } from '../control.ts';
import { AdminError, flagOf, type AdminRoute, type Call } from './route.ts';

/** What may be changed of a server. */
export const patchSchema = z
  .strictObject({
    weight: z.number().positive().max(1_000).optional(),
    enabled: z.boolean().optional(),
    drain: z.boolean().optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'name at least one of weight, enabled, drain')
  .meta({ minProperties: 1 });

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

/** Checked by the rules of the configuration, which say more than a schema could. */
const entrySchema = z.unknown();

const add = async (call: Call): Promise<unknown> => {
  const result = call.control.addBackend(await call.body(entrySchema), call.who);
  switch (result.kind) {
    case 'added':
      return call.control.backends().find(({ name }) => name === result.name);
    case 'taken':
      throw new AdminError(409, `a backend is called ${JSON.stringify(result.name)} already: take another name`);
    case 'wrong': {
      const issues = result.issues.map(({ path, message }) => ({ path, message }));
      const text = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
      throw new AdminError(400, text, { issues });
    }
  }
};

const remove = (call: Call): unknown => {
  const options = { drain: flagOf(call.query, 'drain', true), force: flagOf(call.query, 'force', false) };
  const result = call.control.removeBackend(call.name, options, call.who);
  switch (result.kind) {
    case 'removed':
      return { removed: call.name, running: result.running };
    case 'unknown':
      throw noSuchBackend(call);
    case 'last':
      throw new AdminError(409, `${call.name} is the last backend: add another one first, or say ?force=true`);
  }
};

/** The servers: what they are, and the operator's hand on them. */
export const backendRoutes: readonly AdminRoute[] = [
  { method: 'GET', path: 'backends', run: ({ control }) => ({ backends: control.backends() }) },
  { method: 'POST', path: 'backends', status: 201, run: add },
  { method: 'GET', path: 'backends/*', run: oneBackend },
  { method: 'DELETE', path: 'backends/*', run: remove },
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
