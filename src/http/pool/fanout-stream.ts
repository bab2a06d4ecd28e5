import type { PartEnd, ProgressLine } from '../../forward/part.ts';
import type { Exchange } from '../exchange.ts';
import type { Watcher } from './fanout.ts';
import { goJson } from './go-json.ts';
import { MergedProgress, type Line } from './progress.ts';

const HEAD = ['content-type', 'application/x-ndjson'];

/** The bar or status that a line is about. */
const subjectOf = ({ digest, status }: Line): string => {
  if (typeof digest === 'string') return digest;
  return typeof status === 'string' ? status : '';
};

/**
 * The merged progress of several servers on its way to the client. The servers are never slowed down by a client that
 * reads slowly: while its connection is full only the latest line of each bar is kept for it, and each status once.
 */
export class MergedAnswer implements Watcher {
  readonly #exchange: Exchange;
  readonly #progress: MergedProgress;
  readonly #names: ReadonlySet<string>;
  readonly #over = new Set<string>();
  /** What the client has not been sent yet, by the bar or status that it is about. */
  readonly #waiting = new Map<string, Line>();
  #last: readonly Line[] = [];

  /** @param names the servers that work on it, at least one */
  constructor(exchange: Exchange, names: readonly string[]) {
    this.#exchange = exchange;
    this.#names = new Set(names);
    this.#progress = new MergedProgress(names);
  }

  line(backend: string, line: ProgressLine): void {
    this.#show(this.#progress.line(backend, line));
  }

  end(backend: string, end: PartEnd): void {
    const lines = this.#progress.end(
      backend,
      end.kind === 'done' ? { ok: true } : { ok: false, error: end.kind === 'left' ? 'the client left' : end.error },
    );
    this.#over.add(backend);
    // Once all are over these are the last words, which wait for `finish`.
    if (this.#over.size === this.#names.size) this.#last = lines;
    else this.#show(lines);
  }

  /** Sends the last words and ends the answer; `abruptly` so that nobody takes it for one that came to its end. */
  finish(abruptly: boolean): void {
    const { res } = this.#exchange;
    this.#show(this.#last);
    if (res.destroyed) return;
    const rest = this.#takeWaiting();
    if (!abruptly) res.end(rest);
    // The socket is ended and not destroyed, because the error must still get out.
    else res.write(rest, () => res.socket?.destroySoon());
  }

  #show(lines: readonly Line[]): void {
    for (const line of lines) this.#waiting.set(subjectOf(line), line);
    this.#flush();
  }

  readonly #flush = (): void => {
    const { res, ownHeaders } = this.#exchange;
    if (this.#waiting.size === 0 || res.destroyed || res.writableEnded || res.writableNeedDrain) return;
    if (!res.headersSent) res.writeHead(200, [...HEAD, ...ownHeaders()]);
    if (!res.write(this.#takeWaiting())) res.once('drain', this.#flush);
  };

  #takeWaiting(): string {
    const text = Array.from(this.#waiting.values(), (line) => `${goJson(line)}\n`).join('');
    this.#waiting.clear();
    return text;
  }
}
