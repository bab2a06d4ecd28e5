import type { Runner } from '../backends/backend.ts';
import type { Lease } from '../backends/registry.ts';
import type { Demand } from '../core/demand.ts';
import type { Blame, Outcome, RequestFacts } from '../core/types.ts';
import type { AttemptEnd } from '../forward/attempt.ts';
import type { Ask } from './ask.ts';
import { candidates, type Wanted } from './candidates.ts';
import type { Tried } from './failover.ts';
import type { Incoming } from './incoming.ts';
import type { HandlerParts } from './parts.ts';
import { Race, resultOf, type Finish } from './race.ts';

/** One in fifty: what is asked twice costs a slot twice (routing-science §6 allows two in a hundred). */
const SHARE = 0.02;
/** Saved up by a quiet time, so that a server which hangs can be hedged for a few requests at once. */
const MOST_SAVED = 3;

/** How many requests may be asked twice: one to begin with, and one more for every fifty that come. */
export class HedgeBudget {
  #saved = 1;

  /** A request came. */
  request(): void {
    this.#saved = Math.min(MOST_SAVED, this.#saved + SHARE);
  }

  /** One more may be. */
  get left(): boolean {
    return this.#saved >= 1;
  }

  /** One more was. */
  take(): void {
    this.#saved -= 1;
  }
}

/** A first byte within this many times of what was foreseen is no reason to ask another server (routing-science §6). */
const LEAST_FACTOR = 3;
/** Beyond it nothing is learned: one that hung for minutes would push the mark out of reach for hours. */
const MOST_FACTOR = 20;
const QUANTILE = 0.95;
/** Of the logarithm, per answer: it takes a few dozen late ones to double the mark. */
const STEP = 0.05;

/**
 * How late first bytes come: the factor over what was foreseen that 19 of 20 answers stay below, never less than three.
 * Followed answer by answer in the manner of Robbins and Monro (1951): a late one moves the mark up by much, the others
 * down by little, so that it rests where one in twenty is late.
 */
export class Lateness {
  #mark = Math.log(LEAST_FACTOR);

  get factor(): number {
    return Math.exp(this.#mark);
  }

  /** A first byte came. @param foreseenMs > 0 */
  observed(foreseenMs: number, firstByteMs: number): void {
    const late = Math.log(Math.max(1, firstByteMs) / Math.max(1, foreseenMs)) > this.#mark;
    const next = this.#mark + STEP * (late ? QUANTILE : QUANTILE - 1);
    this.#mark = Math.min(Math.log(MOST_FACTOR), Math.max(Math.log(LEAST_FACTOR), next));
  }
}

/** A prompt of about a thousand tokens: reading a longer one twice costs more than the wait. */
const MOST_PROMPT_BYTES = 4_096;

/** What decides whether a request may be asked twice. */
export interface Hedgeable {
  readonly priority: string;
  readonly demand: Pick<Demand, 'kind' | 'promptBytes'>;
  readonly ask: Pick<Ask, 'stream' | 'purpose' | 'keepsAlive'>;
  /** All of its body is here, so that it can be sent twice. */
  readonly whole: boolean;
  readonly pinned: boolean;
  /** Attempts before this one. */
  readonly attempts: number;
}

/**
 * Whether another server may be asked beside the first: a short streamed prompt that somebody waits for. What says how
 * long the model is to stay, or names its server, is meant for one.
 */
export const mayHedge = ({ priority, demand, ask, whole, pinned, attempts }: Hedgeable): boolean =>
  priority === 'interactive' &&
  attempts === 0 &&
  whole &&
  !pinned &&
  ask.stream &&
  ask.purpose === 'answer' &&
  !ask.keepsAlive &&
  demand.kind === 'completion' &&
  demand.promptBytes <= MOST_PROMPT_BYTES;

/**
 * After how many ms without a byte the second one is asked; undefined = never. A request that loads its model is not
 * hedged: the one that loses would abort the load (ollama issue 8006), and so no load would ever come to its end.
 */
export const hedgeAfterMs = (
  leastMs: number,
  { cold, foreseenFirstMs }: Pick<Lease, 'cold' | 'foreseenFirstMs'>,
  { factor }: Pick<Lateness, 'factor'>,
): number | undefined =>
  cold || foreseenFirstMs === undefined ? undefined : Math.max(leastMs, factor * foreseenFirstMs);

/**
 * Takes a place for the second attempt on a server that has nothing else to do and has the same model, by name and by
 * files, in memory in the wanted shape; undefined where there is none, or somebody waits in the queue.
 */
export const takeSecond = (
  { registry, gaps, facts, gate, clock }: Pick<HandlerParts, 'registry' | 'gaps' | 'facts' | 'gate' | 'clock'>,
  { runner: first }: Lease,
  demand: Demand,
  wanted: Wanted,
  tried: Tried,
): Lease | undefined => {
  if (gate.size > 0) return undefined;
  const at = clock.now();
  const digest = digestOf(first);
  const idle = candidates(registry, gaps, wanted, tried)
    .flat()
    .filter(
      (runner) =>
        runner.model === first.model &&
        runner.backend !== first.backend &&
        runner.inflight === 0 &&
        runner.breaker.state === 'closed' &&
        runner.backend.breaker.state === 'closed' &&
        digestOf(runner) === digest &&
        registry.takes(runner),
    );
  const queue = { waiting: 0, hosts: registry.upCount };
  let best:
    | { readonly runner: Runner; readonly load: Parameters<typeof registry.tryAcquire>[1]; ms: number }
    | undefined;
  for (const runner of idle) {
    const own = runner.facts;
    if (own === undefined) continue;
    const outlook = facts.foresee(demand, [{ facts: own }], at, queue, 0);
    if (outlook.ready[0] !== 1 || outlook.load[0] !== 0) continue;
    const ms = (outlook.wait[0] ?? 0) + (outlook.prefill[0] ?? 0) * (outlook.slowdown[0] ?? 1);
    if (best !== undefined && ms >= best.ms) continue;
    const expected = facts.expectation(own, 0, false);
    best = { runner, ms, load: { demand, streams: true, expected, room: true } };
  }
  return best && registry.tryAcquire(best.runner, best.load);
};

const digestOf = ({ backend, model }: Runner): string | undefined => backend.installed.get(model)?.digest;

/** A place on a backend, and why that one. */
interface Place {
  readonly lease: Lease;
  readonly runner: Runner;
  readonly why: string;
}

/** An inference request, ready to be routed. */
interface Job {
  readonly facts: RequestFacts;
  readonly demand: Demand;
  readonly incoming: Incoming;
  readonly wanted: Wanted;
  readonly settings: { readonly hedgeMs: number | undefined };
}

/** Decides which requests are asked twice (`retry.hedge`), and does it. */
export class Hedging {
  readonly #parts: HandlerParts;
  readonly #budget = new HedgeBudget();
  readonly #lateness = new Lateness();

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** A request came. */
  request(): void {
    this.#budget.request();
  }

  /** An attempt ended. */
  ended({ foreseenFirstMs }: Lease, outcome: Outcome): void {
    if (outcome.kind !== 'served' || foreseenFirstMs === undefined) return;
    this.#lateness.observed(foreseenFirstMs, outcome.firstByteMs);
  }

  /** ms without a byte after which it may be sent to a second server. @param attempts before this one */
  afterMs({ facts, demand, incoming, wanted, settings }: Job, lease: Lease, attempts: number): number | undefined {
    if (settings.hedgeMs === undefined) return undefined;
    const { ask, tail } = incoming;
    const { priority } = facts;
    const may = mayHedge({
      priority,
      demand,
      ask,
      whole: tail === undefined,
      pinned: wanted.pin !== undefined,
      attempts,
    });
    return may ? hedgeAfterMs(settings.hedgeMs, lease, this.#lateness) : undefined;
  }

  /**
   * Sends it, and to a second server as well if the first is silent for so long.
   * @param attempt sends it to one; `hedge` = beside another one
   */
  async run<P extends Place>(
    { demand, wanted }: Job,
    place: P,
    tried: Tried,
    afterMs: number,
    attempt: (place: P, race: Race<P>, hedge: boolean) => Promise<AttemptEnd>,
  ): Promise<Finish<P>> {
    const race = new Race<P>();
    const { last, others } = await race.run(place, attempt(place, race, false), afterMs, () => {
      const lease = this.#budget.left ? takeSecond(this.#parts, place.lease, demand, wanted, tried) : undefined;
      if (lease === undefined) return undefined;
      this.#budget.take();
      const silent = `${place.runner.backendId} had no byte for ${Math.round(afterMs)} ms`;
      const why = `idle and warm, asked as well because ${silent} (retry.hedge)`;
      const second: P = { ...place, lease, runner: lease.runner, why };
      return { place: second, end: attempt(second, race, true) };
    });
    if (!race.hedged) return last;
    const result = resultOf(last, place);
    this.#parts.metrics.hedged(result);
    // How late the first one would have come is not known, but that it was late is.
    const { foreseenFirstMs } = place.lease;
    const beaten = result === 'won' && others.some(({ end }) => end.kind === 'left');
    if (beaten && foreseenFirstMs !== undefined) this.#lateness.observed(foreseenFirstMs, Infinity);
    for (const { place: other, end } of others)
      if (end.kind === 'failed') this.#note(other.runner, end.failure.blame, tried);
    return last;
  }

  /** One of the two has failed, and the other decides. */
  #note({ id, backendId }: Runner, blame: Blame, tried: Tried): void {
    tried.runners.add(id);
    if (blame === 'backend') tried.backends.add(backendId);
    this.#parts.suspect(backendId);
  }
}
