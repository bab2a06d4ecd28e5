import { Beat, type Schedule } from '../core/beat.ts';
import type { Clock } from '../core/clock.ts';
import { NO_DEMAND, type RunnerShape } from '../core/demand.ts';
import { errorText } from '../core/errors.ts';
import { isCloudName } from '../core/model-name.ts';
import type { Rng } from '../core/rng.ts';
import type { Log, Outcome } from '../core/types.ts';
import { NOTHING_EXPECTED } from '../facts/work.ts';
import type { Backend, Runner } from './backend.ts';
import { LEAST_FIRST_MS, MOST_LOAD_MS } from './patience.ts';
import type { Registry, ToTry } from './registry.ts';

/** A request for one token, as it goes to a server. */
export interface OneTokenOrder {
  readonly backend: Backend;
  /** The name under which the server lists the model. */
  readonly model: string;
  readonly shape: RunnerShape;
  readonly timeoutMs: number;
}

export interface RecoveryParts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Looks at a backend (version, tags, ps); resolves when it was seen, or not. */
  readonly look: (backend: string) => Promise<void>;
  /** Sends one; resolves when it is known how it went. */
  readonly ask: (order: OneTokenOrder) => Promise<Outcome>;
  readonly schedule: Schedule;
  readonly log: Log;
}

/** A recovered server waits for at most about a second until it is tried; three trials close a breaker in three. */
const INTERVAL_MS = 1_000;
/** How long one token may take, as for a client's request (patience.ts), and beside that a load. */
const PATIENCE_MS = LEAST_FIRST_MS;

/**
 * Tries out whoever has to prove itself, so that no client does: a backend or a model whose breaker was open, and one
 * that is suspected of hanging. It is looked at, and asked for one token where that displaces nobody: the model is in
 * memory, or the server is idle. What goes well counts as a success of half-open, what does not as a failure.
 */
export class Recovery {
  readonly #parts: RecoveryParts;
  /** Backends that are being tried: one thing at a time. */
  readonly #busy = new Set<string>();
  readonly #beat: Beat;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
    this.#beat = new Beat(INTERVAL_MS, parts.rng, parts.schedule, () => this.beat());
  }

  start(): void {
    this.#beat.start();
  }

  /** Tries nobody more; what is under way ends by itself. */
  stop(): void {
    this.#beat.stop();
  }

  /** Begins to try everybody who is due and not being tried already. */
  beat(): void {
    const all = this.#parts.registry.toTry();
    // Of several on one backend another one comes first each time, so that one that hangs holds up no other for long.
    const from = Math.floor(this.#parts.rng.next() * all.length);
    for (const due of [...all.slice(from), ...all.slice(0, from)]) {
      const { id } = due.backend;
      if (this.#busy.has(id)) continue;
      this.#busy.add(id);
      void this.#try(due)
        .catch((error: unknown) => {
          const fields = { event: 'recovery-fault', backend: id, error: errorText(error) };
          this.#parts.log.error(fields, `trying out ${id} hit a fault of the proxy itself; it is tried again`);
        })
        .finally(() => this.#busy.delete(id));
    }
  }

  async #try({ backend, runner }: ToTry): Promise<void> {
    const { registry, clock, look } = this.#parts;
    const askedAt = clock.now();
    await look(backend.id);
    const seen = backend.lastSeenAt !== undefined && backend.lastSeenAt >= askedAt;
    // It may have been configured away, or have gone well by itself meanwhile.
    const still = registry.toTry().some((each) => each.backend === backend && each.runner === runner);
    if (!still) return;
    if (!seen) {
      // A model says nothing about a server that does not answer: that is for its probes to find.
      if (runner === undefined) registry.lookedAt(backend, false, backend.lastError);
      return;
    }
    const chosen = runner ?? residentOf(backend);
    const outcome = chosen && (await this.#ask(chosen));
    if (outcome === 'no-room') return;
    if (outcome === undefined) {
      if (runner === undefined) registry.lookedAt(backend, true, '');
      else registry.vouch(runner);
    } else if (outcome.kind === 'client-error' && chosen !== undefined) {
      // It cannot be asked in this way: then by a client's request.
      registry.vouch(chosen);
    }
    this.#say(backend, runner, outcome);
  }

  /** @returns undefined where asking would load a model beside the work of others */
  async #ask(runner: Runner): Promise<Outcome | 'no-room' | undefined> {
    const { registry, clock, ask } = this.#parts;
    const { backend, model, facts, resident } = runner;
    const installed = backend.installed.get(model);
    if (facts === undefined || installed === undefined) return undefined;
    if (!resident && backend.inflight > 0) return undefined;
    const at = clock.now();
    const listed = facts.host.residency.list(at).find((each) => each.model === model);
    const shape = { numCtx: listed?.contextLength, rest: listed?.rest ?? '' };
    const loadMs = resident ? 0 : facts.speeds.loadMs(at);
    const lease = registry.tryAcquire(runner, {
      demand: { ...NO_DEMAND, kind: 'load', shape },
      streams: false,
      expected: { ...NOTHING_EXPECTED, loadMs },
      room: false,
      probe: true,
    });
    if (lease === undefined) return 'no-room';
    const order: OneTokenOrder = {
      backend,
      model: installed.name,
      shape: lease.numCtx === undefined ? shape : { ...shape, numCtx: lease.numCtx },
      timeoutMs: PATIENCE_MS + (resident ? 0 : MOST_LOAD_MS),
    };
    // The place is given back whatever happens.
    const outcome = await ask(order).catch((error: unknown): Outcome => {
      const message = errorText(error);
      const totalMs = clock.now() - at;
      return { kind: 'backend-failed', phase: 'connect', blame: 'none', reason: 'bad-answer', message, totalMs };
    });
    lease.end(outcome);
    return outcome;
  }

  #say(backend: Backend, runner: Runner | undefined, outcome: Outcome | undefined): void {
    const what = runner === undefined ? backend.id : `${runner.model} on ${backend.id}`;
    const fields = { event: 'tried-out', backend: backend.id, model: runner?.model, outcome: outcome?.kind ?? 'seen' };
    if (outcome?.kind === 'backend-failed') {
      const error = outcome.message;
      this.#parts.log.info({ ...fields, error }, `${what} was tried out and ${error}`);
    } else {
      this.#parts.log.info(fields, `${what} was tried out and answers`);
    }
  }
}

/** A model in memory by which a whole server can be tried. */
const residentOf = ({ loaded, runners }: Backend): Runner | undefined => {
  for (const model of loaded.keys()) {
    const runner = runners.get(model);
    if (runner?.facts !== undefined && !isCloudName(model) && runner.breaker.state === 'closed') return runner;
  }
  return undefined;
};
