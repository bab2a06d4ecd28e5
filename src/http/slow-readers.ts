import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Looks per `limits.write_idle_timeout`: a reader is given up at most a quarter of it too late. */
export const LOOKS = 4;

interface Watched {
  readonly res: ServerResponse;
  readonly fullBytes: number;
  readonly givenUp: (waitingBytes: number) => void;
  /** As it was at the last look. */
  waiting: number;
  unsent: number;
  full: boolean;
  /** Looks in a row at which it was full and not a byte had moved. */
  still: number;
}

/**
 * Bytes of the write under way that the kernel has not taken yet. Node has no public name for it; without it only whole
 * writes would show, of up to a mebibyte each, and a slow client would pass for one that does not read at all. Node's
 * own socket timeout reads the same field (lib/net.js, _onTimeout).
 */
const unsentOf = (socket: Socket): number => {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
};

/**
 * Gives up clients that do not read. What waits for one is bounded elsewhere; this bounds for how long, because behind a
 * full buffer a backend stands still with a slot in its hand. Time counts only while our buffer for the answer is full,
 * or the answer is complete and waits to be read: however slow a model is, nobody is given up for it.
 */
export class SlowReaders {
  readonly #watched = new Set<Watched>();

  /**
   * Watches an answer until it is sent or its connection is gone.
   * @param fullBytes what may wait before the sender of the answer is told to pause; full from there until it is empty
   * @param givenUp told with what was waiting, just before the connection is ended
   */
  watch(res: ServerResponse, fullBytes: number, givenUp: (waitingBytes: number) => void): void {
    const watched: Watched = { res, fullBytes, givenUp, waiting: 0, unsent: 0, full: false, still: 0 };
    this.#watched.add(watched);
    res.on('close', () => this.#watched.delete(watched));
  }

  /** Answers under watch. */
  get size(): number {
    return this.#watched.size;
  }

  /** Called at a steady beat of a quarter of `limits.write_idle_timeout`. */
  look(): void {
    for (const watched of this.#watched) this.#lookAt(watched);
  }

  #lookAt(watched: Watched): void {
    const { res } = watched;
    // An answer that was asked for ahead has no connection before its turn; the one whose turn it is is watched too.
    if (res.socket === null) return;
    const waiting = res.writableLength;
    const unsent = unsentOf(res.socket);
    const moved = unsent !== watched.unsent || waiting < watched.waiting;
    watched.full = waiting > 0 && (watched.full || res.writableEnded || waiting >= watched.fullBytes);
    watched.still = watched.full && !moved ? watched.still + 1 : 0;
    watched.waiting = waiting;
    watched.unsent = unsent;
    if (watched.still < LOOKS) return;
    this.#watched.delete(watched);
    watched.givenUp(waiting);
    res.destroy();
  }
}
