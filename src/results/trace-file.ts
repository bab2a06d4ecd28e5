import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/types.ts';
import { TraceWriter, type TraceRequest } from './trace.ts';

/** Bytes of the key of a recording, as TraceWriter wants it. */
const KEY_BYTES = 32;

export interface TraceFileOptions {
  /** Its folder is made where it does not exist. */
  readonly path: string;
  readonly maxBytes: number;
  /** When the recording begins, ms on the Clock. */
  readonly at: number;
  readonly log: Log;
}

/** A recording of requests in a file (docs/trace.md). */
export class TraceFile {
  readonly #file: FileHandle;
  readonly #writer: TraceWriter;
  readonly #options: TraceFileOptions;
  #closed = false;

  private constructor(file: FileHandle, options: TraceFileOptions) {
    this.#file = file;
    this.#options = options;
    this.#writer = new TraceWriter({
      key: randomBytes(KEY_BYTES),
      sink: (lines) => file.appendFile(lines),
      maxBytes: options.maxBytes,
    });
  }

  /**
   * Begins a recording. Times and hashes of two recordings do not go together, so an earlier one is put aside as
   * `PATH.old`, in the place of the one before it.
   * @throws Error that names the file when it cannot be written
   */
  static async begin(options: TraceFileOptions): Promise<TraceFile> {
    const { path } = options;
    try {
      await mkdir(dirname(path), { recursive: true });
      await rename(path, `${path}.old`).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
      return new TraceFile(await open(path, 'wx', 0o600), options);
    } catch (error) {
      throw new Error(`trace.path: ${path} cannot be written: ${errorText(error)}`, { cause: error });
    }
  }

  /**
   * Records a request that has ended. Never waits and never throws.
   * @param arrivedAt ms on the Clock @param request what is recorded, given its time in the recording
   */
  add(arrivedAt: number, request: (atMs: number) => TraceRequest | undefined): void {
    if (this.#closed) return;
    const traced = request(Math.max(0, arrivedAt - this.#options.at));
    if (traced !== undefined) this.#writer.add(traced);
  }

  /** Writes what waits, and ends the recording; says how much is missing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.flush();
    await this.#file.close();
    const { dropped, lastError: error } = this.#writer;
    if (dropped === 0) return;
    const { path, log } = this.#options;
    log.warn({ event: 'trace-incomplete', path, dropped, error }, `${dropped} requests are missing in ${path}`);
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
