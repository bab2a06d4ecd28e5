import { backendRoutes } from './backends.ts';
import { configRoutes } from './config.ts';
import { poolRoutes } from './pool.ts';
import type { AdminRoute } from './route.ts';
import { routingRoutes } from './routing.ts';

/** Every call under `/admin/v1/`; paths and methods together are unique. */
export const adminRoutes: readonly AdminRoute[] = [...backendRoutes, ...routingRoutes, ...poolRoutes, ...configRoutes];
