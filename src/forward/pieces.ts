import type { ServerResponse } from 'node:http';

/** Up to so many bytes go past the response's own buffer; more would need its word on when there is room again. */
const DIRECT_BYTES = 8 * 1024;

/** One chunk of a chunked body (RFC 9112 §7.1), of one piece or several. @param bytes of all pieces, > 0 */
const chunkOf = (first: Buffer, more: readonly Buffer[] | undefined, bytes: number): Buffer => {
  const size = bytes.toString(16);
  const framed = Buffer.allocUnsafe(size.length + bytes + 4);
  let at = framed.write(size, 'latin1');
  framed[at++] = 0x0d;
  framed[at++] = 0x0a;
  framed.set(first, at);
  at += first.length;
  if (more !== undefined) {
    for (const piece of more) {
      framed.set(piece, at);
      at += piece.length;
    }
  }
  framed[at++] = 0x0d;
  framed[at] = 0x0a;
  return framed;
};

/** Writes a chunk that is framed already. @returns as `write` */
const writeFramed = (res: ServerResponse, framed: Buffer): boolean => {
  res.chunkedEncoding = false;
  const room = res.write(framed);
  res.chunkedEncoding = true;
  return room;
};

/**
 * Writes one piece of a body. Node frames a piece of a chunked body with four writes of its own, two of them strings; as
 * one buffer it costs the kernel and us one.
 * @returns as `write`
 */
export const writePiece = (res: ServerResponse, piece: Buffer): boolean =>
  !res.chunkedEncoding || piece.length === 0
    ? res.write(piece)
    : writeFramed(res, chunkOf(piece, undefined, piece.length));

/**
 * The pieces of a stream on their way to its client. Those that come out of one read from the backend (a busy process
 * finds several lines in it) go out as one chunk in one write, in the same turn of the event loop: nothing waits.
 */
export class Pieces {
  readonly #res: ServerResponse;
  readonly #written: (room: boolean) => void;
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #bytes = 0;

  /** @param written told after each write, with what `write` returned */
  constructor(res: ServerResponse, written: (room: boolean) => void) {
    this.#res = res;
    this.#written = written;
  }

  /** The head of the answer and its first bytes must be out. */
  push(piece: Buffer): void {
    if (piece.length === 0) return;
    if (piece.length > DIRECT_BYTES) {
      // Worth a write of its own, and whether there is room for it counts at once.
      this.flush();
      if (!this.#res.destroyed) this.#written(writePiece(this.#res, piece));
      return;
    }
    this.#bytes += piece.length;
    if (this.#first === undefined) {
      this.#first = piece;
      process.nextTick(flush, this);
    } else (this.#more ??= []).push(piece);
  }

  /** Writes what waits, unless the client has left; to be called before anything else is written. */
  flush(): void {
    const first = this.#first;
    if (first === undefined) return;
    const more = this.#more;
    const bytes = this.#bytes;
    this.#first = undefined;
    this.#more = undefined;
    this.#bytes = 0;
    if (this.#res.destroyed) return;
    this.#written(this.#write(first, more, bytes));
  }

  #write(first: Buffer, more: readonly Buffer[] | undefined, bytes: number): boolean {
    const res = this.#res;
    if (!res.chunkedEncoding) return res.write(more === undefined ? first : Buffer.concat([first, ...more], bytes));
    const framed = chunkOf(first, more, bytes);
    const { socket } = res;
    // Where nothing waits, what the response would do for each write (cork, a tick, uncork) is for nothing.
    if (socket !== null && bytes <= DIRECT_BYTES && socket.writableCorked === 0 && res.writableLength === 0) {
      socket.write(framed);
      return true;
    }
    return writeFramed(res, framed);
  }
}

const flush = (pieces: Pieces): void => pieces.flush();
