import { AdminError, limitOf, type AdminRoute } from './route.ts';

/** Requests and tenants of the queue that are listed unless asked for more. */
export const USUAL_WAITING = 100;
export const MAX_WAITING = 10_000;

/** What the pool is doing and what is known about it. */
export const poolRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: 'queue',
    run: ({ control, query }) => control.queue(limitOf(query, USUAL_WAITING, MAX_WAITING)),
  },
  { method: 'GET', path: 'placement', run: ({ control }) => control.placement() },
  {
    method: 'GET',
    path: 'estimates',
    run({ control, query }) {
      const backend = query.get('backend') ?? undefined;
      const known = control.backends().map(({ name }) => name);
      if (backend !== undefined && !known.includes(backend)) {
        throw new AdminError(404, `no backend is called ${JSON.stringify(backend)}`, { backends: known });
      }
      return control.estimates(backend);
    },
  },
];
