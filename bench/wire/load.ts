import { Client, type Dispatcher } from 'undici';
import { Readable } from 'node:stream';
import { expectedBody, pathOf, requestBody, type Content, type Shape } from './answers.ts';
import { KEEP_ALIVE_MS } from './listen.ts';

/** What is to be sent, from the process that measures. */
export interface Job {
  readonly origin: string;
  readonly shape: Shape;
  readonly content: Content;
  /** About the size of the request; of a `file` it is exact, and it is sent piece by piece. */
  readonly bytes: number;
  /** Headers besides the content type. */
  readonly headers: Readonly<Record<string, string>>;
  /** Clients with one connection each and one request at a time. */
  readonly clients: number;
  /** ms by which each client starts after the one before it. */
  readonly staggerMs: number;
  /** Each client ends after this many requests and starts no new one after `durationMs`; finite, as JSON has it. */
  readonly requestsEach: number;
  readonly durationMs: number;
}

export type Reply =
  | { readonly kind: 'open' }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'done';
      readonly requests: number;
      readonly elapsedMs: number;
      /** From sending a request to the first byte of its answer's body, in ms. */
      readonly firstByteP50: number;
      readonly firstByteP99: number;
      /** Between two pieces of a streamed answer, in ms; 0 without any. */
      readonly gapP99: number;
    };

/** Reads one answer whole. */
class Answer implements Dispatcher.DispatchHandler {
  readonly done: Promise<Buffer>;
  readonly #startedAt = performance.now();
  readonly #onFirstByte: (ms: number) => void;
  readonly #gaps: number[];
  readonly #chunks: Buffer[] = [];
  #lastAt = 0;
  #resolve: (body: Buffer) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #status = 0;

  constructor(onFirstByte: (ms: number) => void, gaps: number[]) {
    this.#onFirstByte = onFirstByte;
    this.#gaps = gaps;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const at = performance.now();
    if (this.#chunks.length === 0) this.#onFirstByte(at - this.#startedAt);
    else this.#gaps.push(at - this.#lastAt);
    this.#lastAt = at;
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#chunks);
    if (this.#status === 200) this.#resolve(body);
    else this.#reject(new Error(`status ${this.#status}: ${body.toString('utf8').slice(0, 300)}`));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}

const clients = new Map<string, Client[]>();

/** Connections stay open between jobs, so that rounds after the first measure no handshakes. */
const clientsOf = (origin: string, count: number): readonly Client[] => {
  const known = clients.get(origin) ?? [];
  clients.set(origin, known);
  while (known.length < count) {
    known.push(
      new Client(origin, { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS / 2, pipelining: 1 }),
    );
  }
  return known.slice(0, count);
};

const PIECE = Buffer.alloc(64 * 1024, 'x');

function* pieces(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= PIECE.length) yield left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

/** Held streams that may be on their way to a first byte at a time: a burst of thousands would test listen queues. */
const OPENING = 64;

let tags = 0;

const run = async (job: Job): Promise<Reply> => {
  const { shape, content, bytes, clients: count, staggerMs, requestsEach, durationMs } = job;
  const isFile = content === 'file';
  const body = isFile ? undefined : requestBody(content, bytes, shape.lines > 0);
  const bodyBytes = body?.length ?? bytes;
  const headers = {
    ...job.headers,
    'content-type': isFile ? 'application/octet-stream' : 'application/json',
    'content-length': String(bodyBytes),
  };
  const firstBytes: number[] = [];
  const gaps: number[] = [];
  let opening = 0;
  let opened = (): void => {};
  const onFirstByte = (ms: number): void => {
    firstBytes.push(ms);
    opening--;
    opened();
    if (shape.hold && firstBytes.length === count) report({ kind: 'open' });
  };

  const crowded = (): boolean => shape.hold && opening >= OPENING;

  const once = async (client: Client): Promise<void> => {
    opening++;
    const tag = `t${++tags}`;
    const answer = new Answer(onFirstByte, gaps);
    const path = pathOf(tag, content, shape);
    client.dispatch({ method: 'POST', path, headers, body: body ?? Readable.from(pieces(bytes)) }, answer);
    const got = await answer.done;
    const wanted = expectedBody(tag, bodyBytes, shape);
    if (got.toString('utf8') === wanted) return;
    throw new Error(`wrong answer: ${got.length} bytes instead of ${wanted.length}: ${got.toString('utf8', 0, 300)}`);
  };

  const startedAt = performance.now();
  const worker = async (client: Client, index: number): Promise<void> => {
    if (staggerMs > 0) await pause(index * staggerMs);
    for (let n = 0; n < requestsEach && performance.now() - startedAt < durationMs; n++) await once(client);
  };
  await new Promise<void>((resolve, reject) => {
    const startAll = async (): Promise<void> => {
      const workers: Promise<void>[] = [];
      for (const [index, client] of clientsOf(job.origin, count).entries()) {
        const work = worker(client, index);
        work.catch(reject);
        workers.push(work);
        while (crowded()) await new Promise<void>((room) => (opened = room));
      }
      await Promise.all(workers);
    };
    startAll().then(resolve, reject);
  });
  const elapsedMs = performance.now() - startedAt;
  firstBytes.sort((a, b) => a - b);
  gaps.sort((a, b) => a - b);
  const firstByteP50 = percentile(firstBytes, 0.5);
  return {
    kind: 'done',
    requests: firstBytes.length,
    elapsedMs,
    firstByteP50,
    firstByteP99: percentile(firstBytes, 0.99),
    gapP99: gaps.length === 0 ? 0 : percentile(gaps, 0.99),
  };
};

const report = (reply: Reply): void => void process.send?.(reply);

process.on('message', (job: Job) => {
  run(job).then(report, (error: unknown) => {
    report({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
});
process.once('disconnect', () => process.exit());
