import { backendRoutes } from './backends.ts';
import { configRoutes } from './config.ts';
import { eventRoutes } from './events.ts';
import { keyRoutes } from './keys.ts';
import { openApiRoute } from './openapi-route.ts';
import { poolRoutes } from './pool.ts';
import type { AdminRoute } from './route.ts';
import { routingRoutes } from './routing.ts';

const calls: readonly AdminRoute[] = [
  ...backendRoutes,
  ...routingRoutes,
  ...poolRoutes,
  ...keyRoutes,
  ...configRoutes,
  ...eventRoutes,
];

/** Every call under `/admin/v1/`; paths and methods together are unique. */
export const adminRoutes: readonly AdminRoute[] = [...calls, openApiRoute(calls)];
