import { connect, type Socket } from 'node:net';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly line: string;
  readonly status: number;
  /** `Name: value`, in the order of arrival. */
  readonly headers: readonly string[];
  readonly framing: 'none' | 'length' | 'chunked';
  /** The records (lines, events) of a chunked body, in order; the body as one otherwise. */
  readonly chunks: readonly string[];
  readonly body: string;
  /** The body came to its proper end. */
  readonly complete: boolean;
  /** `end` for a plain FIN or our own hang-up, else the error's code. */
  readonly closedBy: string;
}

/** The bytes of a request; an object as body is sent as JSON with its length, and no content type. */
export const rawRequest = (
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string | null>> = {},
): string => {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const all: Record<string, string | null> = { Host: 'localhost', ...headers };
  if (body !== undefined) all['Content-Length'] = String(Buffer.byteLength(text));
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${text}`;
};

/** A chunk holds one record, or several: newer Node versions send what is written in one tick as one chunk. */
const recordsOf = (chunk: string): readonly string[] => chunk.split(/(?<=\}\n)(?=\{)|(?<=\n\n)/);

const decodeChunked = (bytes: Buffer): { chunks: string[]; complete: boolean } => {
  const chunks: string[] = [];
  let position = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n', position);
    if (end < 0) return { chunks, complete: false };
    const size = Number.parseInt(bytes.toString('latin1', position, end), 16);
    if (size === 0) return { chunks, complete: bytes.length >= end + 4 };
    if (bytes.length < end + 2 + size + 2) return { chunks, complete: false };
    chunks.push(...recordsOf(bytes.toString('utf8', end + 2, end + 2 + size)));
    position = end + 2 + size + 2;
  }
};

const parse = (bytes: Buffer, head: boolean, closedBy: string): RawAnswer => {
  const split = bytes.indexOf('\r\n\r\n');
  const [line = '', ...headers] = (split < 0 ? '' : bytes.toString('latin1', 0, split)).split('\r\n');
  const rest = split < 0 ? Buffer.alloc(0) : bytes.subarray(split + 4);
  const value = (name: string): string | undefined =>
    headers
      .find((header) => header.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const base = { line, status: Number(line.split(' ')[1]), headers, closedBy };
  const length = value('content-length');
  if (head || line.includes(' 204 ')) return { ...base, framing: 'none', chunks: [], body: '', complete: split >= 0 };
  if (value('transfer-encoding') === 'chunked') {
    const { chunks, complete } = decodeChunked(rest);
    return { ...base, framing: 'chunked', chunks, body: chunks.join(''), complete };
  }
  if (length === undefined)
    return { ...base, framing: 'none', chunks: [], body: rest.toString('utf8'), complete: split >= 0 };
  const body = rest.toString('utf8');
  return { ...base, framing: 'length', chunks: [body], body, complete: rest.length >= Number(length) };
};

/** An open request whose answer is still coming. */
export interface RawCall {
  readonly socket: Socket;
  /** The answer, once it is complete or the connection has ended. */
  readonly answer: Promise<RawAnswer>;
  /** Settled once that many data chunks, or the end, have come. */
  chunks(count: number): Promise<void>;
}

/** Sends bytes and reads one answer. */
export const openRaw = (port: number, request: string): RawCall => {
  const socket = connect({ port, host: '127.0.0.1' });
  const received: Buffer[] = [];
  const waiters: { readonly count: number; readonly resolve: () => void }[] = [];
  const head = request.startsWith('HEAD ');
  let settle: (answer: RawAnswer) => void = () => undefined;
  let over = false;
  const answer = new Promise<RawAnswer>((resolve) => {
    settle = resolve;
  });
  const look = (closedBy: string | undefined): void => {
    const seen = parse(Buffer.concat(received), head, closedBy ?? 'end');
    for (const waiter of waiters) if (closedBy !== undefined || seen.chunks.length >= waiter.count) waiter.resolve();
    if (over || (closedBy === undefined && !seen.complete)) return;
    over = true;
    settle(seen);
    socket.destroy();
  };
  let error = 'end';
  socket.on('data', (data: Buffer) => {
    received.push(data);
    look(undefined);
  });
  socket.on('error', (failure: NodeJS.ErrnoException) => {
    error = failure.code ?? failure.message;
  });
  socket.on('close', () => look(error));
  socket.write(request);
  return {
    socket,
    answer,
    chunks: (count) =>
      new Promise((resolve) => {
        waiters.push({ count, resolve });
        look(undefined);
      }),
  };
};

/** Sends a request and reads its answer to the end. */
export const raw = (port: number, ...request: Parameters<typeof rawRequest>): Promise<RawAnswer> =>
  openRaw(port, rawRequest(...request)).answer;

/** The JSON of every line of a stream. */
export const ndjson = (answer: RawAnswer): Record<string, unknown>[] =>
  answer.body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
