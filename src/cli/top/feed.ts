import { errorText } from '../../core/errors.ts';
import { AdminCallError, jsonOf, openAdmin } from '../admin-client.ts';
import type { AdminTarget } from '../admin-flags.ts';
import { EventReader } from './events.ts';

/** A comment comes every 15 s; twice that without a byte, and the other side is gone without a word. */
const SILENT_MS = 40_000;

/** An event as it came and as it was understood. */
export interface FeedEvent {
  readonly event: string;
  readonly data: string;
  /** The data, with control characters in its texts replaced. */
  readonly value: unknown;
}

/**
 * The events of a running proxy, until the signal is given or the connection ends; then it ends too.
 * @throws {AdminCallError} when it cannot be opened, breaks, falls silent, or says what nobody can read
 */
export const readFeed = async function* (target: AdminTarget, signal: AbortSignal): AsyncGenerator<FeedEvent, void> {
  const silence = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENT_MS);
  };
  try {
    heard();
    const either = AbortSignal.any([signal, silence.signal]);
    const answer = await openAdmin({ ...target, path: 'events' }, 'text/event-stream', either);
    const body: AsyncIterable<Uint8Array> | null = answer.body;
    if (body === null) return;
    const reader = new EventReader();
    const decoder = new TextDecoder();
    for await (const bytes of body) {
      heard();
      for (const { event, data } of reader.read(decoder.decode(bytes, { stream: true }))) {
        yield { event, data, value: jsonOf(data) };
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof AdminCallError) throw error;
    const said = silence.signal.aborted ? `nothing came for ${SILENT_MS / 1_000} s` : errorText(error);
    throw new AdminCallError(`the connection to ${target.admin} broke (${said})`, { cause: error, passing: true });
  } finally {
    clearTimeout(timer);
  }
};
