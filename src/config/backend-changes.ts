import { createHash } from 'node:crypto';
import { readBackendEntry } from './backend-entry.ts';
import { backendText } from './describe.ts';
import type { BackendConfig } from './types.ts';

/** A change as it outlives the process; `entry` is in the notation of the file, secrets included. */
export interface SavedBackendChange {
  readonly kind: 'backend-change';
  readonly name: string;
  /** The backend that was added; left out = it was taken away. */
  readonly entry?: unknown;
  /** What the file said of this name then, as a hash; left out = nothing. */
  readonly file?: string;
}

interface Change {
  /** undefined = taken away. */
  readonly config: BackendConfig | undefined;
  /** What the file said of this name when the change was made; undefined = nothing. */
  readonly file: string | undefined;
}

const hashOf = (backend: BackendConfig | undefined): string | undefined =>
  backend &&
  createHash('sha256')
    .update(JSON.stringify(backendText(backend)))
    .digest('hex');

/** Why a change is not in force any more, for the log. */
export interface DroppedChange {
  readonly name: string;
  readonly why: string;
}

/**
 * Backends that were added and taken away at run time, laid over those of the file. A change holds until the file says
 * something else of that name than it did when the change was made: whichever word is newer counts. One that would not
 * fit beside the file's backends any more is dropped.
 */
export class BackendChanges {
  readonly #changes = new Map<string, Change>();

  /** From now on there is this backend, whatever the file says of its name. @param file the backends of the file */
  add(config: BackendConfig, file: readonly BackendConfig[]): void {
    this.#set(config.name, config, file);
  }

  /** From now on there is no backend of this name. @param file the backends of the file */
  remove(name: string, file: readonly BackendConfig[]): void {
    if (file.some((one) => one.name === name)) this.#set(name, undefined, file);
    else this.#changes.delete(name);
  }

  #set(name: string, config: BackendConfig | undefined, file: readonly BackendConfig[]): void {
    // A change of a change comes last, as the backend then does in the order of the pool.
    this.#changes.delete(name);
    this.#changes.set(name, { config, file: hashOf(file.find((one) => one.name === name)) });
  }

  /**
   * The backends in force: those of the file in their order, then the added ones. Changes that the file has overtaken are
   * forgotten.
   */
  over(file: readonly BackendConfig[]): {
    readonly backends: readonly BackendConfig[];
    readonly dropped: readonly DroppedChange[];
  } {
    const dropped: DroppedChange[] = [];
    for (const [name, change] of this.#changes) {
      if (change.file === hashOf(file.find((one) => one.name === name))) continue;
      this.#changes.delete(name);
      dropped.push({ name, why: 'the configuration says something else of it now' });
    }
    const backends = file.filter(({ name }) => !this.#changes.has(name));
    for (const [name, { config }] of this.#changes) {
      if (config === undefined) continue;
      const fits = readBackendEntry(backendText(config), backends);
      if (fits.ok) backends.push(config);
      else {
        this.#changes.delete(name);
        const [first] = fits.issues;
        dropped.push({ name, why: `it does not fit the configuration: ${first?.path ?? ''}: ${first?.message ?? ''}` });
      }
    }
    return { backends, dropped };
  }

  /** What outlives the process. */
  save(): readonly SavedBackendChange[] {
    return Array.from(this.#changes, ([name, { config, file }]) => ({
      kind: 'backend-change',
      name,
      ...(config === undefined ? {} : { entry: backendText(config) }),
      ...(file === undefined ? {} : { file }),
    }));
  }

  /** Takes over what an earlier process saved; nothing of it is checked yet. @returns what cannot be used */
  restore(records: readonly Readonly<Record<string, unknown>>[]): readonly DroppedChange[] {
    const dropped: DroppedChange[] = [];
    for (const { kind, name, entry, file } of records) {
      if (kind !== 'backend-change') continue;
      if (typeof name !== 'string' || (file !== undefined && typeof file !== 'string')) {
        dropped.push({ name: String(name), why: 'its record cannot be read' });
        continue;
      }
      const config = entry === undefined ? undefined : readBackendEntry(entry, []);
      if (config?.ok === false || (config !== undefined && config.value.name !== name)) {
        const why = config.ok ? 'its record names another' : (config.issues[0]?.message ?? 'its record cannot be read');
        dropped.push({ name, why });
        continue;
      }
      this.#changes.set(name, { config: config?.value, file });
    }
    return dropped;
  }
}
