import type { AdminRoute } from './route.ts';

/** The API keys in force, with their limits and what they use; never a key or its hash. */
export const keyRoutes: readonly AdminRoute[] = [
  { method: 'GET', path: 'keys', run: ({ control }) => ({ keys: control.keys() }) },
];
