import { Beat, type Schedule } from '../core/beat.ts';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';
import type { Log } from '../core/types.ts';
import { PlacementMemory, type ActionResult } from './memory.ts';
import { planPlacement } from './plan.ts';
import type { Pins, PlacementAction, PlacementKind, PoolView } from './view.ts';

/** How an action went. `skipped`: it was not sent, because the host had changed since the plan. */
export interface ActOutcome {
  readonly ok: boolean;
  readonly skipped?: boolean;
  readonly message: string;
}

export interface PlacementParts {
  /** What the pool is like now. */
  view(): PoolView;
  /** Sends one action, after asking `unsafe` once more right before that. */
  act(action: PlacementAction): Promise<ActOutcome>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly schedule: Schedule;
  readonly log: Log;
}

export interface PlacementSettings {
  readonly enabled: boolean;
  readonly pins: Pins;
}

/** An action that has ended, for the admin API. */
export interface PlacementRecord extends PlacementAction {
  /** ms on the Clock. */
  readonly at: number;
  readonly tookMs: number;
  readonly result: ActionResult;
  readonly message: string;
}

export interface PlacementCount {
  readonly kind: PlacementKind;
  readonly result: ActionResult;
  readonly count: number;
}

/** A queue that a copy would help lasts for many seconds; a plan for 1,000 hosts takes about 2 ms. */
const INTERVAL_MS = 1_000;
/** Ended actions kept for people. */
const RECENT = 100;

const KINDS: readonly PlacementKind[] = ['load', 'renew', 'let-go'];
const RESULTS: readonly ActionResult[] = ['done', 'failed', 'skipped'];

/** Plans every second and has the plan carried out, each action logged with its reason, price and gain. */
export class Placement {
  readonly #parts: PlacementParts;
  readonly #memory = new PlacementMemory();
  readonly #counts = new Map<string, number>();
  readonly #recent: PlacementRecord[] = [];
  #settings: PlacementSettings;
  readonly #beat: Beat;
  #stopped = false;

  /** Begins at once, with the first plan an interval later, if the settings say so. */
  constructor(parts: PlacementParts, settings: PlacementSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#beat = new Beat(INTERVAL_MS, parts.rng, parts.schedule, () => this.#tick());
    this.#follow();
  }

  /** New settings count from the next plan on. Nothing that is under way is taken back. */
  configure(settings: PlacementSettings): void {
    this.#settings = settings;
    this.#follow();
  }

  /** For good: no plan follows, and what is under way ends unrecorded. */
  stop(): void {
    this.#stopped = true;
    this.#follow();
  }

  /** Ended actions since the start, by kind and result. */
  counts(): readonly PlacementCount[] {
    return KINDS.flatMap((kind) =>
      RESULTS.map((result) => ({ kind, result, count: this.#counts.get(`${kind} ${result}`) ?? 0 })),
    );
  }

  /** Actions that are under way. */
  pending(): readonly PlacementAction[] {
    return [...this.#memory.pending.values()];
  }

  /** The last hundred ended actions, newest first. */
  recent(): readonly PlacementRecord[] {
    return [...this.#recent].reverse();
  }

  #follow(): void {
    if (this.#settings.enabled && !this.#stopped) this.#beat.start();
    else this.#beat.stop();
  }

  #tick(): void {
    const { clock, log } = this.#parts;
    try {
      const view = this.#parts.view();
      const pool = { models: view.models, hosts: () => view.hosts(), pins: this.#settings.pins };
      for (const action of planPlacement(pool, this.#memory, clock.now())) void this.#carryOut(action);
    } catch (error) {
      log.error({ event: 'placement-plan', error: errorText(error) }, 'placement could not plan; it tries again');
    }
  }

  async #carryOut(action: PlacementAction): Promise<void> {
    const { clock } = this.#parts;
    const at = clock.now();
    this.#memory.begin(action, at);
    let outcome: ActOutcome;
    try {
      outcome = await this.#parts.act(action);
    } catch (error) {
      outcome = { ok: false, message: errorText(error) };
    }
    const result = outcome.ok ? 'done' : outcome.skipped === true ? 'skipped' : 'failed';
    const now = clock.now();
    const retryMs = this.#memory.end(action, result, now);
    if (this.#stopped) return;
    const key = `${action.kind} ${result}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    const record = { ...action, at, tookMs: now - at, result, message: outcome.message } as const;
    this.#recent.push(record);
    if (this.#recent.length > RECENT) this.#recent.shift();
    this.#say(record, retryMs);
  }

  #say({ kind, host, model, reason, tookMs, result, message, ...rest }: PlacementRecord, retryMs: number): void {
    const { log } = this.#parts;
    const fields = {
      event: 'placement',
      action: kind,
      backend: host,
      model,
      result,
      reason,
      price_ms: Math.round(rest.priceMs),
      gain_ms: Math.round(rest.gainMs),
      took_ms: Math.round(tookMs),
    };
    if (result === 'done') log.info(fields, `placement: ${kind} ${model} on ${host} (${reason})`);
    else if (result === 'skipped') log.debug({ ...fields, message }, `placement: ${kind} ${model} on ${host} not sent`);
    else {
      const text = `placement: ${kind} ${model} on ${host} failed: ${message}; next try in ${retryMs / 1000} s at the earliest`;
      log.warn({ ...fields, error: message, retry_ms: retryMs }, text);
    }
  }
}
