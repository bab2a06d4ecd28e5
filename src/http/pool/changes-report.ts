import type { PartResult } from './fanout.ts';
import type { Exchange } from '../exchange.ts';
import type { HandlerParts } from '../parts.ts';
import type { PoolChange } from '../routes.ts';

/** What a change does, as logs and metrics name it. */
export type Operation = PoolChange | 'unload';

/**
 * What became of it: `partial` = some servers have it done and some have not, `refused` = the servers, or the proxy,
 * would have none of it.
 */
export type ChangeOutcome = 'done' | 'partial' | 'failed' | 'refused' | 'client-left';

const wordOf = ({ end }: PartResult): string => {
  switch (end.kind) {
    case 'done':
      return 'done';
    case 'left':
      return 'stopped: the client left';
    case 'refused':
      return `refused: ${end.answer.status} ${end.error}`;
    case 'failed':
      return `failed: ${end.error}`;
  }
};

/** What each server made of it, by name; a server that was sent several things is named with all of them. */
export const wordsOf = (results: readonly PartResult[]): Readonly<Record<string, string>> => {
  const words: Record<string, string> = {};
  for (const result of results) {
    const known = words[result.backend];
    const word = wordOf(result);
    words[result.backend] = known === undefined || known === word ? word : `${known}; ${word}`;
  }
  return words;
};

/** One line in the log and one count for each change, whatever came of it. */
export const reportChange = (
  { log, metrics }: Pick<HandlerParts, 'log' | 'metrics'>,
  exchange: Exchange,
  operation: Operation,
  outcome: ChangeOutcome,
  servers: Readonly<Record<string, string>>,
): void => {
  metrics.modelChange(operation, outcome);
  const { id, model, path } = exchange;
  // An upload has no model yet, only the digest in its path.
  const what = model ?? path.slice(path.lastIndexOf('/') + 1);
  const fields = { event: 'model-change', requestId: id, operation, model: what, outcome, servers };
  const level = outcome === 'partial' || outcome === 'failed' ? 'warn' : 'info';
  log[level](fields, `${operation} of ${what}: ${outcome}`);
};
