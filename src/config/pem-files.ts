import { isInlinePem } from './pem.ts';
import type { Config } from './types.ts';
import { watchFile } from './watch.ts';

/** Certificate and key are replaced one after the other: what changed is read once both have been still for so long. */
const SETTLE_MS = 500;

/** The files of certificates and keys that a configuration names. */
export const pemFilesOf = (config: Config): ReadonlySet<string> => {
  const sources = [
    ...[config.tls, config.admin.tls, config.metrics.tls].flatMap((tls) => [tls?.cert, tls?.key, tls?.clientCa]),
    ...config.backends.flatMap(({ tls }) => [tls?.ca, tls?.cert, tls?.key]),
  ];
  return new Set(sources.filter((source): source is string => source !== undefined && !isInlinePem(source)));
};

/** Watches a set of files that changes now and then, and tells once when some of them were replaced. */
export class PemWatch {
  readonly #changed: () => void;
  readonly #watched = new Map<string, { stop(): void }>();
  #settling: NodeJS.Timeout | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  watch(files: ReadonlySet<string>): void {
    for (const [file, watcher] of this.#watched) {
      if (files.has(file)) continue;
      watcher.stop();
      this.#watched.delete(file);
    }
    for (const file of files) {
      if (!this.#watched.has(file))
        this.#watched.set(
          file,
          watchFile(file, () => this.#stir()),
        );
    }
  }

  stop(): void {
    this.watch(new Set());
    clearTimeout(this.#settling);
  }

  #stir(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(this.#changed, SETTLE_MS).unref();
  }
}
