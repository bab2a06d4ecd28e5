import type { RequestRecord } from '../results/history.ts';
import type { TraceRequest } from '../results/trace.ts';
import type { Exchange } from './exchange.ts';

/**
 * A request as a recording has it; undefined for one that runs no model, or was refused before it was read.
 * @param atMs its arrival, ms since the recording began
 */
export const tracedRequest = (exchange: Exchange, record: RequestRecord, atMs: number): TraceRequest | undefined => {
  const { demand, priority, session, route } = exchange;
  const { model, category = '', usage, attempts, queueMs, firstByteMs, totalMs, outcome } = record;
  if (demand === undefined || model === undefined) return undefined;
  return {
    ...demand,
    atMs,
    model,
    endpoint: route.endpoint,
    category,
    priority,
    tenant: exchange.tenant,
    session,
    observed: {
      promptTokens: usage?.promptTokens,
      outputTokens: usage?.outputTokens,
      queueMs,
      firstByteMs,
      totalMs,
      backend: attempts.at(-1)?.backend,
      outcome,
    },
  };
};
