import { connect, type Socket } from 'node:net';

/** One answer as it stood on the wire. */
export interface WireAnswer {
  readonly status: number;
  /** Name in lower case, with the value; of repeats the last one. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Its body came to the end that its framing gives. */
  readonly complete: boolean;
}

interface Read {
  readonly answer: WireAnswer;
  readonly length: number;
}

const headOf = (bytes: Buffer): { status: number; headers: Map<string, string>; length: number } | undefined => {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [line = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = new Map(
    lines.map((each) => {
      const colon = each.indexOf(':');
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()] as const;
    }),
  );
  return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? Number.NaN), headers, length: end + 4 };
};

const readChunked = (bytes: Buffer, from: number): { body: string; end: number; complete: boolean } => {
  const pieces: Buffer[] = [];
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd === -1 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    const complete = bytes.length >= end + 2;
    if (!complete || size === 0) {
      return { body: Buffer.concat(pieces).toString('utf8'), end: complete ? end + 2 : bytes.length, complete };
    }
    pieces.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
};

/** The first answer in the bytes; undefined while there is no whole head. @param bodiless it answers a HEAD */
const readAnswer = (bytes: Buffer, bodiless: boolean): Read | undefined => {
  const head = headOf(bytes);
  if (head === undefined) return undefined;
  const { status, headers, length } = head;
  if (bodiless || status < 200 || status === 204 || status === 304) {
    return { answer: { status, headers, body: '', complete: true }, length };
  }
  if (headers.get('transfer-encoding') === 'chunked') {
    const { body, end, complete } = readChunked(bytes, length);
    return { answer: { status, headers, body, complete }, length: end };
  }
  const declared = headers.get('content-length');
  const end = declared === undefined ? bytes.length : length + Number(declared);
  const complete = declared !== undefined && bytes.length >= end;
  return { answer: { status, headers, body: bytes.toString('utf8', length, end), complete }, length: end };
};

/** A client that writes bare bytes and reads whatever comes. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #bytes = Buffer.alloc(0);
  #isClosed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: false });
    this.socket.on('error', () => {});
    this.socket.on('data', (data) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      for (const look of this.#waiting) look();
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.#isClosed = true;
        for (const look of this.#waiting) look();
        resolve();
      });
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Everything that came, as text. */
  get text(): string {
    return this.#bytes.toString('latin1');
  }

  /** Sends bytes (a string is latin1) and waits until they have left, so that the next ones travel apart from them. */
  async send(...pieces: readonly (string | Buffer)[]): Promise<this> {
    for (const piece of pieces) {
      await new Promise<void>((resolve) => {
        if (this.#isClosed) resolve();
        else this.socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece, () => resolve());
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    return this;
  }

  /** All final answers so far, in order; interim ones are left out. @param heads numbers of those that answer a HEAD */
  answers(heads: ReadonlySet<number> = new Set()): readonly WireAnswer[] {
    const found: WireAnswer[] = [];
    for (let at = 0; at < this.#bytes.length;) {
      const read = readAnswer(this.#bytes.subarray(at), heads.has(found.length));
      if (read === undefined) break;
      at += read.length;
      if (read.answer.status >= 200) found.push(read.answer);
    }
    return found;
  }

  /** Resolves with the answers once so many are complete, or the connection is closed. */
  async until(count: number): Promise<readonly WireAnswer[]> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.#isClosed && this.answers().filter(({ complete }) => complete).length < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
    return this.answers();
  }

  destroy(): void {
    this.socket.destroy();
  }
}
