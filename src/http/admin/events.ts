import { AdminError, Takeover, type AdminRoute } from './route.ts';

/** What is going on, as it happens and over the last hour. */
export const eventRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: 'events',
    run({ control }) {
      const full = control.desk.full();
      if (full !== undefined) throw new AdminError(503, full);
      return new Takeover((res) => control.desk.attach(res));
    },
  },
  { method: 'GET', path: 'series', run: ({ control }) => control.desk.series() },
];
