import type { BackendChanges, DroppedChange } from '../config/backend-changes.ts';
import { readBackendEntry } from '../config/backend-entry.ts';
import { redactBackend } from '../config/describe.ts';
import type { BackendConfig } from '../config/types.ts';
import type { Issue, Log } from '../core/types.ts';
import type { Ways } from '../forward/ways.ts';

export type AddResult =
  | { readonly kind: 'added'; readonly name: string }
  | { readonly kind: 'taken'; readonly name: string }
  | { readonly kind: 'wrong'; readonly issues: readonly Issue[] };

/** `last` = nobody would be left, and it was not asked for all the same. */
export type RemoveResult =
  | { readonly kind: 'removed'; readonly running: number }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'last' };

export interface RemoveOptions {
  /** Let what runs there finish; false = cut it off. */
  readonly drain: boolean;
  /** Also the last one. */
  readonly force: boolean;
}

export interface BackendSetParts {
  readonly changes: BackendChanges;
  readonly ways: Ways;
  readonly log: Log;
  /** The backends of the configuration as it is written. */
  readonly file: () => readonly BackendConfig[];
  /** The backends in force. */
  readonly current: () => readonly BackendConfig[];
  readonly running: (name: string) => number;
  /** Puts others in force. @param cut whose requests end at once, since it is gone */
  readonly take: (backends: readonly BackendConfig[], cut: BackendConfig | undefined) => void;
}

/** Backends that come and go at run time; each change is logged with who, before and after. */
export class BackendSet {
  readonly #parts: BackendSetParts;

  constructor(parts: BackendSetParts) {
    this.#parts = parts;
  }

  /** @param value an entry of `backends` as in the file, not checked yet */
  add(value: unknown, who: string): AddResult {
    const { changes, ways, log, file, current } = this.#parts;
    const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
    if (typeof name === 'string' && current().some((one) => one.name === name)) return { kind: 'taken', name };
    const entry = readBackendEntry(value, current());
    if (!entry.ok) return { kind: 'wrong', issues: entry.issues };
    const backend = entry.value;
    const way = ways.load([backend]);
    if (!way.ok) {
      const issues = way.issues.map((issue) => ({
        ...issue,
        path: issue.path.replace(`backends.${backend.name}.`, ''),
      }));
      return { kind: 'wrong', issues };
    }
    changes.add(backend, file());
    this.#take(undefined);
    const fields = { event: 'backend-added', backend: backend.name, before: null, after: redactBackend(backend), who };
    log.info(fields, `backend ${backend.name} was added by hand`);
    return { kind: 'added', name: backend.name };
  }

  remove(name: string, { drain, force }: RemoveOptions, who: string): RemoveResult {
    const { changes, log, file, current, running: runningOn } = this.#parts;
    const backend = current().find((one) => one.name === name);
    if (backend === undefined) return { kind: 'unknown' };
    if (current().length === 1 && !force) return { kind: 'last' };
    const running = runningOn(name);
    changes.remove(name, file());
    const before = redactBackend(backend);
    const fields = { event: 'backend-removed', backend: name, before, after: null, running, drain, who };
    log.info(fields, `backend ${name} was taken away by hand; ${running} requests ${drain ? 'finish' : 'are cut off'}`);
    this.#take(drain ? undefined : backend);
    return { kind: 'removed', running };
  }

  #take(cut: BackendConfig | undefined): void {
    const { changes, file, take, log } = this.#parts;
    const { backends, dropped } = changes.over(file());
    tellDropped(dropped, log);
    take(backends, cut);
  }
}

/** Says which changes by hand are not in force any more, and why. */
export const tellDropped = (dropped: readonly DroppedChange[], log: Log): void => {
  for (const { name, why } of dropped) {
    const fields = { event: 'backend-change-dropped', backend: name, why };
    log.warn(fields, `the change of backend ${name} by hand is not in force any more: ${why}`);
  }
};
