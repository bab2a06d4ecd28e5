import { AdminError, type AdminRoute } from './route.ts';

/** The configuration in force. */
export const configRoutes: readonly AdminRoute[] = [
  { method: 'GET', path: 'config', run: ({ control }) => control.config() },
  {
    method: 'POST',
    path: 'config/reload',
    async run({ control, who }) {
      const result = await control.reload(who);
      if (!result.ok)
        throw new AdminError(422, 'the configuration was not reloaded; the old one still holds', {
          issues: result.issues,
        });
      return { changes: result.changes };
    },
  },
];
