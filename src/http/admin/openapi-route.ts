import { openApiDocument } from './openapi.ts';
import type { AdminRoute } from './route.ts';

/** The description of all calls, itself included. @param others every other call */
export const openApiRoute = (others: readonly AdminRoute[]): AdminRoute => {
  let document: object | undefined;
  const route: AdminRoute = {
    method: 'GET',
    path: 'openapi.json',
    // Built when somebody asks: it takes some ms, and the start of the process is not the time for them.
    run: () => (document ??= openApiDocument([...others, route])),
  };
  return route;
};
