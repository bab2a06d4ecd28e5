import type { Backend, Runner } from '../backends/backend.ts';
import type { Registry } from '../backends/registry.ts';
import type { Clock } from '../core/clock.ts';
import { NO_DEMAND, type RunnerShape } from '../core/demand.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/types.ts';
import type { Facts } from '../facts/facts.ts';
import type { HostFacts } from '../facts/host.ts';
import { stuckAfterMs } from '../facts/stuck.ts';
import { NOTHING_EXPECTED } from '../facts/work.ts';
import type { KeepAliveOrder } from './place.ts';
import { onlyEmbeds } from './placement-view.ts';

/** The server has nothing to do but to note it. */
const NOTE_TIMEOUT_MS = 30_000;

export interface RemedyParts {
  readonly registry: Registry;
  readonly facts: Facts;
  readonly clock: Clock;
  /** Sends it; resolves when the server has answered, never rejects. */
  readonly send: (order: KeepAliveOrder) => Promise<{ readonly ok: boolean; readonly message: string }>;
  /** Looks at a backend; resolves when it was seen, or not. */
  readonly look: (backend: string) => Promise<void>;
  readonly log: Log;
}

export type HealCause = 'wedged-loading' | 'hung-runner';

/** Remedies that were given since the start. */
export interface HealCount {
  readonly backend: string;
  readonly cause: HealCause;
  readonly result: 'done' | 'failed';
  readonly count: number;
}

/** The options that a model has in memory: with other ones a server may load it again before it lets it go. */
const shapeOn = ({ loaded }: Backend, host: HostFacts, model: string, at: number): RunnerShape => {
  const numCtx = loaded.get(model)?.contextLength ?? 0;
  const known = host.residency.list(at).find((each) => each.model === model);
  return { numCtx: numCtx > 0 ? numCtx : undefined, rest: known?.rest ?? '' };
};

/** What can be done about a server from outside: let a model go, and load one to see whether it does. */
export class Remedies {
  readonly #parts: RemedyParts;
  readonly #counts = new Map<string, { -readonly [K in keyof HealCount]: HealCount[K] }>();

  constructor(parts: RemedyParts) {
    this.#parts = parts;
  }

  get counts(): readonly HealCount[] {
    return [...this.#counts.values()];
  }

  /** Lets a model go that the server lists in memory (`keep_alive: 0`): its runner ends once its requests have. */
  async unload({ backend, model, facts }: Runner, cause: HealCause): Promise<boolean> {
    const { send, look, clock, log } = this.#parts;
    const installed = backend.installed.get(model);
    if (facts === undefined || installed === undefined) return false;
    const { ok, message } = await send({
      backend,
      model: installed.name,
      embedding: onlyEmbeds(installed.entry),
      shape: shapeOn(backend, facts.host, model, clock.now()),
      keepAliveMs: 0,
      timeoutMs: NOTE_TIMEOUT_MS,
    }).catch((error: unknown) => ({ ok: false, message: errorText(error) }));
    this.#count(backend.id, cause, ok ? 'done' : 'failed');
    const fields = { event: 'heal', backend: backend.id, model, cause, result: ok ? 'done' : 'failed' };
    if (ok) {
      log.warn(fields, `${model} was unloaded on ${backend.id}, as a remedy (${cause})`);
      this.#parts.facts.kept(facts, 0, clock.now());
    } else {
      log.warn({ ...fields, error: message }, `${model} could not be unloaded on ${backend.id} (${cause}): ${message}`);
    }
    await look(backend.id);
    return ok;
  }

  /**
   * Loads a model to see whether the server still does that.
   * @returns undefined where it could not be tried
   */
  async tryLoad(runner: Runner): Promise<boolean | undefined> {
    const { backend, model, facts } = runner;
    const { registry, send, look, clock } = this.#parts;
    const installed = backend.installed.get(model);
    if (facts === undefined || installed === undefined) return undefined;
    const at = clock.now();
    const lease = registry.tryAcquire(runner, {
      demand: { ...NO_DEMAND, kind: 'load' },
      streams: false,
      expected: { ...NOTHING_EXPECTED, loadMs: facts.speeds.loadMs(at) },
      room: true,
      probe: true,
    });
    if (lease === undefined) return undefined;
    const { ok, message } = await send({
      backend,
      model: installed.name,
      embedding: onlyEmbeds(installed.entry),
      shape: { ...NO_DEMAND.shape, numCtx: lease.numCtx },
      keepAliveMs: undefined,
      timeoutMs: stuckAfterMs(facts.speeds.longestLoadMs(at)),
    }).catch((error: unknown) => ({ ok: false, message: errorText(error) }));
    const totalMs = clock.now() - at;
    if (ok) {
      lease.began();
      lease.end({ kind: 'served', status: 200, firstByteMs: totalMs, totalMs, usage: undefined });
    } else {
      const why = { phase: 'head', blame: 'none', reason: 'bad-answer' } as const;
      lease.end({ kind: 'backend-failed', ...why, message, totalMs });
    }
    await look(backend.id);
    return ok;
  }

  #count(backend: string, cause: HealCause, result: HealCount['result']): void {
    const key = `${backend} ${cause} ${result}`;
    const counted = this.#counts.get(key) ?? { backend, cause, result, count: 0 };
    counted.count++;
    this.#counts.set(key, counted);
  }

  /** Forgets backends that are no longer configured. */
  keep(ids: ReadonlySet<string>): void {
    for (const [key, { backend }] of this.#counts) if (!ids.has(backend)) this.#counts.delete(key);
  }
}

/** As a difference, of times that may both be infinite. */
const order = (a: number, b: number): number => (a === b ? 0 : a - b);

/**
 * Who is to be let go so that a server which has stopped loading goes on: the one that it waits for, as far as is known, else
 * what it would have chosen (server/sched.go, v0.33): idle ones before busy ones, then the shortest keep_alive. Only what
 * `/api/ps` listed last.
 * @param except not again
 */
export const toUnload = (
  { loaded, runners }: Backend,
  host: HostFacts,
  except: ReadonlySet<string>,
  at: number,
): Runner | undefined => {
  const leaving = new Set(host.residency.leaving());
  const keepAlive = new Map(host.residency.list(at).map((listed) => [listed.model, listed.keepAliveMs]));
  const busy = (model: string): number => ((host.runners.get(model)?.works.length ?? 0) > 0 ? 1 : 0);
  const candidates = [...loaded.keys()].filter(
    (model) => !except.has(model) && runners.get(model)?.facts !== undefined,
  );
  const [first] = candidates.sort(
    (a, b) =>
      Number(leaving.has(b)) - Number(leaving.has(a)) ||
      busy(a) - busy(b) ||
      order(keepAlive.get(a) ?? 0, keepAlive.get(b) ?? 0) ||
      (a < b ? -1 : 1),
  );
  return first === undefined ? undefined : runners.get(first);
};
