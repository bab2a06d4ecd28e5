import type { Log } from '../core/types.ts';
import type { HostFacts } from '../facts/host.ts';
import type { Suspicion } from '../facts/speeds.ts';

/** A model that runs slower on a backend than it should, and why that may be. */
export interface Suspect {
  readonly backend: string;
  readonly model: string;
  readonly reason: Exclude<Suspicion, 'none'>;
}

const WORDS: Readonly<Record<Suspect['reason'], string>> = {
  spill: 'does not fit into video memory: part of it runs on the CPU',
  'gpu-lost': 'runs as slowly as without a GPU, and was faster: has the server lost its GPU?',
};

/** Keeps what is suspected of backends, and logs each suspicion when it begins and when it ends. */
export class Suspects {
  readonly #log: Log;
  readonly #byBackend = new Map<string, Map<string, Suspect>>();

  constructor(log: Log) {
    this.#log = log;
  }

  get current(): readonly Suspect[] {
    return Array.from(this.#byBackend.values(), (models) => [...models.values()]).flat();
  }

  /** Looks at a backend anew. O(its models). @param at ms on the Clock */
  check(host: HostFacts, at: number): void {
    const before = this.#byBackend.get(host.id);
    let now: Map<string, Suspect> | undefined;
    for (const [model, { speeds }] of host.runners) {
      const reason = speeds.suspicion(at);
      if (reason === 'none') continue;
      const suspect = { backend: host.id, model, reason };
      now ??= new Map();
      now.set(model, suspect);
      if (before?.get(model)?.reason !== reason) {
        this.#log.warn({ event: 'backend-suspect', ...suspect }, `${model} on ${host.id} ${WORDS[reason]}`);
      }
    }
    for (const [model, { backend, reason }] of before ?? []) {
      if (now?.has(model) === true) continue;
      const fields = { event: 'backend-suspect-over', backend, model, reason };
      this.#log.info(fields, `${model} on ${backend} is no longer suspected of ${reason}`);
    }
    if (now === undefined) this.#byBackend.delete(host.id);
    else this.#byBackend.set(host.id, now);
  }

  /** Forgets backends that are no longer configured. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#byBackend.keys()) if (!ids.has(id)) this.#byBackend.delete(id);
  }
}
