import type { SimContext } from './context.ts';
import type { Exchange } from './exchange.ts';

const offline = (status: number, error: string) => (_context: SimContext, exchange: Exchange) =>
  exchange.json(status, { error });

/** The account routes, as on a machine without a network. */
export const account = offline(503, 'dial tcp: lookup ollama.com: no such host');

/** Web search, as with the cloud switched off. */
export const webSearch = offline(403, 'ollama cloud is disabled: web search is unavailable');

/** `GET /api/experimental/model-recommendations`. */
export const recommendations = (_context: SimContext, exchange: Exchange): void =>
  exchange.json(200, { recommendations: [] });
