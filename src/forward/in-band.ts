import type { ServerResponse } from 'node:http';
import type { Dialect } from '../core/types.ts';

/** How long a dying response may take to flush its in-band error. */
const FLUSH_MS = 1_000;

/** Ends a response whose head is out so that nobody can take it for whole: a last record, then an abrupt close. */
export const endInBand = (res: ServerResponse, lastRecord: string): void => {
  const flushed = setTimeout(() => res.destroy(), FLUSH_MS);
  res.write(lastRecord, () => {
    clearTimeout(flushed);
    // `destroy` alone may overtake bytes that the kernel has not taken yet; ending the socket flushes them first.
    res.socket?.destroySoon();
  });
};

/** A whole JSON answer as the only record of a stream whose head is out. */
export const asOnlyRecord = (dialect: Dialect, body: Buffer): string => {
  const text = body.toString('utf8').trim();
  return dialect === 'native' ? `${text}\n` : `data: ${text}\n\n`;
};
