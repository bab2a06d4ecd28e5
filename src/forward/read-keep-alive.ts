import { parseGoDuration } from '../core/go-duration.ts';
import { decodeString, type Members } from './json-scan.ts';

/** Longer than any duration that somebody writes. */
const MAX_LENGTH = 64;

/**
 * How long a native request wants its model to stay, in ms: a number of seconds or a Go duration, and for good where it is
 * below 0 (`Duration` in api/types.go). Undefined where it says nothing, or something that the server refuses.
 */
export const readKeepAlive = (body: Buffer, members: Members): number | undefined => {
  const span = members.get('keep_alive');
  if (span === undefined || span.end - span.start > MAX_LENGTH) return undefined;
  if (span.type === 'number') return forGood(Number(body.toString('latin1', span.start, span.end)) * 1_000);
  if (span.type === 'string') return forGood(parseGoDuration(decodeString(body, span)));
  return undefined;
};

const forGood = (ms: number | undefined): number | undefined =>
  ms === undefined || Number.isNaN(ms) ? undefined : ms < 0 ? Number.POSITIVE_INFINITY : ms;
