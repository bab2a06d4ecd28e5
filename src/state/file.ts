import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/types.ts';
import { headLine, lastLine, readDocument, UnusableStateError, type StateDocument } from './document.ts';
import type { LoadedState, SaveReport, StateEntry, StateStore } from './store.ts';

/** What a start reads and every ten seconds may write: some ten thousand models on servers fit. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Head and last line are no records. */
const FRAME_BYTES = 1024;
/** Requests are relayed between two slices of this many ms. */
const SLICE_MS = 2;
/** Bytes that are hashed and written at a time. */
const CHUNK_BYTES = 64 * 1024;
/** A temporary file that nobody has touched for this long was left by a process that was killed. */
const LEFT_MS = 600_000;

export interface FileStoreOptions {
  readonly path: string;
  readonly log: Log;
  /** ms since the epoch; Date.now unless given. */
  readonly wall?: () => number;
  /** Bytes that records may take together, 16 MiB unless given. */
  readonly maxBytes?: number;
}

/**
 * State in one file (docs/state.md), replaced by a rename: whenever the process or the machine dies, the file is either
 * the one before or the one after.
 */
export class FileStore implements StateStore {
  readonly where: string;
  readonly #log: Log;
  readonly #wall: () => number;
  readonly #maxBytes: number;

  constructor({ path, log, wall = Date.now, maxBytes = MOST_BYTES - FRAME_BYTES }: FileStoreOptions) {
    this.where = path;
    this.#log = log;
    this.#wall = wall;
    this.#maxBytes = maxBytes;
  }

  async load(): Promise<LoadedState | undefined> {
    await this.#clean();
    let document: StateDocument | undefined;
    try {
      document = await this.#read();
    } catch (error) {
      if (!(error instanceof UnusableStateError)) {
        const message = `state: ${this.where} cannot be read: ${errorText(error)}; starting without what was learned`;
        this.#log.warn({ event: 'state-unreadable', path: this.where }, message);
        return undefined;
      }
      await this.#setAside(error.message);
    }
    if (document === undefined) return undefined;
    const { savedAt, version, records } = document;
    const fields = { event: 'state-loaded', path: this.where, version, records: records.length };
    this.#log.info(fields, `state loaded from ${this.where}`);
    return { awayMs: savedAt === undefined ? 0 : Math.max(0, this.#wall() - savedAt), records };
  }

  async save(entries: Iterable<StateEntry>): Promise<SaveReport> {
    const { lines, dropped } = await this.#serialize(entries);
    const temporary = `${this.where}.${randomBytes(6).toString('hex')}.tmp`;
    const folder = dirname(this.where);
    await mkdir(folder, { recursive: true });
    let bytes: number;
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        bytes = await this.#write(file, lines);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.where);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncFolder(folder);
    return { bytes, dropped };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #read(): Promise<StateDocument | undefined> {
    let file: FileHandle;
    try {
      file = await open(this.where, 'r');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    try {
      if ((await file.stat()).size > MOST_BYTES) throw new UnusableStateError('it is larger than state ever is');
      return readDocument(await file.readFile());
    } finally {
      await file.close();
    }
  }

  async #setAside(why: string): Promise<void> {
    const stamp = new Date(this.#wall()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const aside = `${this.where}.damaged-${stamp}`;
    const fields = { event: 'state-damaged', path: this.where, why };
    try {
      await rename(this.where, aside);
      const message = `state: ${this.where} cannot be used: ${why}; put aside as ${aside}, starting anew`;
      this.#log.error({ ...fields, aside }, message);
    } catch (error) {
      const message = `state: ${this.where} cannot be used: ${why}; nor put aside: ${errorText(error)}; starting anew`;
      this.#log.error(fields, message);
    }
  }

  /** Takes away what killed processes left half written. */
  async #clean(): Promise<void> {
    const folder = dirname(this.where);
    const start = `${basename(this.where)}.`;
    const names = await readdir(folder).catch(() => []);
    for (const name of names) {
      if (!name.startsWith(start) || !/^[0-9a-f]{12}\.tmp$/.test(name.slice(start.length))) continue;
      const path = join(folder, name);
      const age = this.#wall() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Infinity);
      if (age > LEFT_MS) await rm(path, { force: true }).catch(() => undefined);
    }
  }

  async #serialize(entries: Iterable<StateEntry>): Promise<{ readonly lines: string[]; readonly dropped: number }> {
    const lines: string[] = [];
    const steps: number[] = [];
    const sizes: number[] = [];
    let bytes = 0;
    let since = performance.now();
    for (const { ageMs, record } of entries) {
      const line = `${JSON.stringify(record)}\n`;
      lines.push(line);
      steps.push(stepOf(ageMs));
      const size = Buffer.byteLength(line);
      sizes.push(size);
      bytes += size;
      if (performance.now() - since < SLICE_MS) continue;
      await breathe();
      since = performance.now();
    }
    if (bytes <= this.#maxBytes) return { lines, dropped: 0 };
    const dropped = dropOldest(lines, sizes, steps, bytes - this.#maxBytes);
    return { lines, dropped };
  }

  /** @returns bytes written */
  async #write(file: FileHandle, lines: readonly string[]): Promise<number> {
    const hash = createHash('sha256');
    let written = 0;
    const put = async (text: string): Promise<void> => {
      const chunk = Buffer.from(text);
      hash.update(chunk);
      // Unlike write, it goes on where the system takes less than it was given.
      await file.writeFile(chunk);
      written += chunk.length;
    };
    let pending = headLine(this.#wall());
    for (const line of lines) {
      pending += line;
      if (pending.length < CHUNK_BYTES) continue;
      await put(pending);
      pending = '';
    }
    await put(pending);
    const last = lastLine(hash.digest('hex'));
    await file.writeFile(last);
    return written + last.length;
  }
}

/** How finely ages are told apart: by a sixteenth of a doubling, up to some thirty years. */
const STEPS_PER_DOUBLING = 16;
const MOST_DOUBLINGS = 40;

/** Ages in steps: what has the same one counts as equally old. @param ageMs ≥ 0 */
const stepOf = (ageMs: number): number =>
  Math.floor(STEPS_PER_DOUBLING * Math.min(MOST_DOUBLINGS, Math.log2(1 + ageMs)));

/**
 * Empties the lines of those that were used longest ago, of like age the first, until so many bytes are saved. Two passes
 * over all: sorting that many takes longer than a slice.
 * @returns how many were emptied
 */
const dropOldest = (lines: string[], sizes: readonly number[], steps: readonly number[], excess: number): number => {
  const bytesAt = new Map<number, number>();
  for (const [i, size] of sizes.entries()) {
    const step = steps[i] ?? 0;
    bytesAt.set(step, (bytesAt.get(step) ?? 0) + size);
  }
  let left = excess;
  let oldestKept = Infinity;
  for (const [step, bytes] of [...bytesAt].toSorted(([a], [b]) => b - a)) {
    oldestKept = step;
    if (bytes >= left) break;
    left -= bytes;
  }
  let dropped = 0;
  for (const [i, step] of steps.entries()) {
    if (step < oldestKept || (step === oldestKept && left <= 0)) continue;
    if (step === oldestKept) left -= sizes[i] ?? 0;
    lines[i] = '';
    dropped++;
  }
  return dropped;
};

/** Makes the rename itself outlive a loss of power, where the system lets folders be synchronized. */
const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
};

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
