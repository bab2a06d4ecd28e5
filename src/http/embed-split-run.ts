import { entrantOf, startedOrFull, type Start } from '../admission/entrant.ts';
import { Runner } from '../backends/backend.ts';
import type { Lease } from '../backends/registry.ts';
import type { Demand } from '../core/demand.ts';
import type { RequestFacts } from '../core/types.ts';
import type { HeldAnswer } from '../forward/attempt.ts';
import { embedUsage, mergeEmbedAnswers } from '../forward/embed-merge.ts';
import { EmbedPart, type EmbedPartEnd } from '../forward/embed-part.ts';
import { requestHeaders, withoutHeader } from '../forward/headers.ts';
import { scanBody } from '../forward/json-scan.ts';
import { setNumCtx } from '../forward/num-ctx.ts';
import { stripKeepAlive } from '../forward/strip-keep-alive.ts';
import type { AttemptRecord } from '../results/history.ts';
import type { Wanted } from './candidates.ts';
import { shareOf, takeShare } from './embed-split-lease.ts';
import { digestOf, partBody, type Batch } from './embed-split-plan.ts';
import { ClientLeft, type Exchange } from './exchange.ts';
import { costsBudget, failureError, PASSED_ON } from './failover.ts';
import type { Incoming } from './incoming.ts';
import type { HandlerParts, HandlerSettings } from './parts.ts';

/** An inference request, ready to be routed. */
export interface SplitJob {
  readonly facts: RequestFacts;
  readonly demand: Demand;
  readonly incoming: Incoming;
  readonly wanted: Wanted;
  readonly settings: HandlerSettings;
}

/** Inputs `[from, to)` and a place on the server that is asked for them first. */
export interface Share {
  readonly from: number;
  readonly to: number;
  readonly lease: Lease;
}

/** What all servers are asked for. */
export interface SplitModel {
  /** The name that goes to them. */
  readonly name: string;
  /** It is another one than the client's. */
  readonly rewritten: boolean;
  /** The files behind it: a server that holds others takes no part. */
  readonly digest: string | undefined;
}

type Done = Extract<EmbedPartEnd, { readonly kind: 'done' }>;
type Failed = Extract<EmbedPartEnd, { readonly kind: 'failed' }>;

/** What decides the answer before all vectors are there: a server's own word, an error of ours, or the client leaving. */
type Verdict =
  | { readonly kind: 'answer'; readonly held: HeldAnswer; readonly record: AttemptRecord }
  | { readonly kind: 'error'; readonly error: unknown; readonly record: AttemptRecord | undefined }
  | { readonly kind: 'left' };

/** Where one share has been. */
class Trail {
  readonly tried = new Set<string>();
  /** Those that will say the same again: the model or the route is not there. */
  readonly barred = new Set<string>();
  attempts = 0;
  /** Those of them that found a server without the route: they cost nothing and do not count for `retry.max_attempts`. */
  gaps = 0;
}

/** One batch on its way: each share with a lease at a time, until it is answered or has failed for good. */
export class SplitRun {
  readonly #parts: HandlerParts;
  readonly #exchange: Exchange;
  readonly #job: SplitJob;
  readonly #batch: Batch;
  readonly #model: SplitModel;
  readonly #startedAt: number;
  readonly #active = new Set<EmbedPart>();
  readonly #records: AttemptRecord[] = [];
  readonly #names = new Set<string>();
  readonly #over = new AbortController();
  #verdict: Verdict | undefined;
  #why = '';
  #retried = false;

  constructor(parts: HandlerParts, exchange: Exchange, job: SplitJob, batch: Batch, model: SplitModel) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#job = job;
    this.#batch = batch;
    this.#model = model;
    this.#startedAt = parts.clock.now();
  }

  sweep(at: number, idleMs: number): void {
    for (const part of this.#active) part.sweep(at, idleMs);
  }

  /** Sends all shares, tries failed ones elsewhere, and answers. @throws ProxyError when one of them failed for good */
  async serve(shares: readonly Share[]): Promise<void> {
    const { retries, clock } = this.#parts;
    const exchange = this.#exchange;
    this.#why = `${this.#batch.items.length} inputs split over ${shares.length} servers (embeddings.split)`;
    for (const { lease } of shares) this.#names.add(lease.runner.backendId);
    retries.request(clock.now());
    this.#begin();
    const ends = shares.map((share) => this.#share(share));
    exchange.onLeave(() => this.#conclude({ kind: 'left' }));
    const cancelDeadline = this.#onDeadline();
    const answers = await Promise.all(ends);
    cancelDeadline();
    this.#answer(answers.flatMap((end) => end ?? []));
  }

  // ---- one share ----

  /** Has one share answered by one server after the other; undefined when the request came to another end. */
  async #share({ from, to, lease: first }: Share): Promise<Done | undefined> {
    const trail = new Trail();
    let lease = first;
    for (;;) {
      const { end, record } = await this.#attempt(lease, from, to);
      if (end.kind === 'done') return end;
      if (end.kind === 'refused') this.#conclude({ kind: 'answer', held: end.held, record });
      if (end.kind !== 'failed') return undefined;
      this.#learn(trail, lease.runner, end);
      if (!this.#mayRetry(trail, end)) {
        this.#giveUp(trail, end, record);
        return undefined;
      }
      try {
        const again = (): Start<Lease> => startedOrFull(this.#reserve(trail, to - from, end, record));
        lease = await this.#parts.gate.wait(entrantOf(this.#job.facts, true), again, this.#over.signal);
      } catch (error) {
        this.#conclude({ kind: 'error', error, record });
        return undefined;
      }
      this.#retried = true;
      this.#names.add(lease.runner.backendId);
      this.#begin();
    }
  }

  async #attempt(
    lease: Lease,
    from: number,
    to: number,
  ): Promise<{ readonly end: EmbedPartEnd; readonly record: AttemptRecord }> {
    const { pools, clock, recorder } = this.#parts;
    const { facts, incoming, settings } = this.#job;
    const { req, id, dialect } = this.#exchange;
    const { runner } = lease;
    const { backend } = runner;
    const { name } = this.#model;
    // Parts are cut from plain text, whatever the client packed it in.
    const decoded = incoming.outgoing(undefined).head !== incoming.ask.body;
    const part = new EmbedPart({
      dispatcher: pools.get({ id: backend.id, origin: backend.config.url.origin }),
      method: 'POST',
      path: backend.pathPrefix + (req.url ?? '/'),
      headers: requestHeaders(decoded ? withoutHeader(req.rawHeaders, 'content-encoding') : req.rawHeaders, id, {
        ...backend.config.headers,
        // Its answer is read here.
        'accept-encoding': 'identity',
      }),
      body: this.#body(lease, from, to),
      dialect,
      count: to - from,
      patience: () => (settings.stallGuard ? lease.patience() : undefined),
      moved: () => lease.moved(),
      clock,
    });
    this.#active.add(part);
    const done = part.run();
    if (this.#over.signal.aborted) part.stop();
    const end = await done;
    this.#active.delete(part);
    const record: AttemptRecord = { backend: backend.id, model: name, why: this.#why, outcome: end.outcome };
    this.#records.push(record);
    recorder.attempt(runner.id, facts.category, end.outcome, clock.now());
    lease.end(end.outcome);
    return { end, record };
  }

  /** The inputs `[from, to)` as this server is to be asked for them. */
  #body(lease: Lease, from: number, to: number): Buffer {
    const { metrics } = this.#parts;
    const { runner, numCtx } = lease;
    const { modelSpan, keepsAlive } = this.#job.incoming.ask;
    const { name, rewritten } = this.#model;
    const holdBack = keepsAlive && runner.facts?.keepAliveUnsafe === true;
    if (holdBack) {
      lease.keepsDefault();
      metrics.keepAliveHeldBack(runner.backendId);
    }
    if (lease.avoidedReload) metrics.reloadAvoided(runner.model);
    const plain = partBody(this.#batch, from, to, rewritten ? { span: modelSpan, name } : undefined);
    const sized = numCtx === undefined ? plain : setNumCtx(plain, scanBody(plain), numCtx);
    return holdBack ? stripKeepAlive(sized) : sized;
  }

  // ---- fail over ----

  #learn(trail: Trail, { backend, backendId }: Runner, { failure }: Failed): void {
    const { method, path } = this.#job.wanted;
    trail.tried.add(backendId);
    if (PASSED_ON.has(failure.reason)) trail.barred.add(backendId);
    trail.attempts++;
    if (failure.reason === 'route-missing') {
      trail.gaps++;
      this.#parts.gaps.learn(backend, method, path);
    } else {
      this.#parts.suspect(backendId);
    }
  }

  #mayRetry(trail: Trail, { failure }: Failed): boolean {
    const { facts, settings } = this.#job;
    const at = this.#parts.clock.now();
    if (this.#over.signal.aborted || !failure.retryable || at >= facts.deadline) return false;
    // Whether anybody is left comes first: asking whether a retry is allowed spends budget.
    if (trail.attempts - trail.gaps >= settings.maxAttempts || this.#open(trail).length === 0) return false;
    return !costsBudget(failure) || this.#parts.retries.take(at);
  }

  /** Who may be asked for a share: servers that have not failed it, and once there is none of these the others again. */
  #open({ tried, barred }: Trail): readonly Runner[] {
    const { registry, gaps } = this.#parts;
    const { method, path, tiers } = this.#job.wanted;
    const open = tiers
      .flat()
      .flatMap(({ key, name }) =>
        name !== this.#model.name
          ? []
          : registry
              .eligible(key)
              .runners.filter(
                (runner) =>
                  digestOf(runner) === this.#model.digest &&
                  !barred.has(runner.backendId) &&
                  !gaps.lacks(runner.backend, method, path),
              ),
      );
    const others = open.filter(({ backendId }) => !tried.has(backendId));
    return others.length > 0 ? others : open;
  }

  /** A place for a share that failed, or undefined while all are full. @throws ProxyError when nobody is left */
  #reserve(trail: Trail, count: number, end: Failed, { backend }: AttemptRecord): Lease | undefined {
    const { clock, rng } = this.#parts;
    const { facts, demand, settings } = this.#job;
    const open = this.#open(trail);
    if (open.length === 0) throw failureError(backend, end.failure, trail.attempts);
    for (const { candidate } of settings.strategy.rank(facts, open, { at: clock.now(), rng }).all()) {
      const share = shareOf(demand, count, this.#batch.items.length);
      const lease = candidate instanceof Runner ? takeShare(this.#parts, candidate, share) : undefined;
      if (lease !== undefined) return lease;
    }
    return undefined;
  }

  #giveUp(trail: Trail, { failure, held }: Failed, record: AttemptRecord): void {
    if (held !== undefined && PASSED_ON.has(failure.reason)) this.#conclude({ kind: 'answer', held, record });
    else this.#conclude({ kind: 'error', error: failureError(record.backend, failure, trail.attempts), record });
  }

  // ---- the whole ----

  #begin(): void {
    const { name: model, rewritten } = this.#model;
    this.#exchange.begin({ backend: [...this.#names].join(', '), model, why: this.#why, rewritten });
  }

  #onDeadline(): () => void {
    const { deadline } = this.#job.facts;
    if (deadline === Infinity) return () => {};
    const tell = (): void => {
      for (const part of this.#active) part.deadlinePassed();
    };
    const timer = setTimeout(tell, Math.max(0, deadline - this.#parts.clock.now()));
    return () => clearTimeout(timer);
  }

  /** The first verdict counts; everything that still runs or waits is called off. */
  #conclude(verdict: Verdict): void {
    if (this.#verdict !== undefined) return;
    this.#verdict = verdict;
    this.#over.abort(new ClientLeft('the batch has come to its end'));
    for (const part of this.#active) part.stop();
  }

  #answer(answers: readonly Done[]): void {
    const { res, ownHeaders } = this.#exchange;
    const verdict = this.#verdict;
    const [first] = answers;
    if (verdict === undefined && first !== undefined) {
      const totalMs = this.#parts.clock.now() - this.#startedAt;
      const merged = mergeEmbedAnswers(
        answers.map(({ answer }) => answer),
        Math.round(totalMs * 1e6),
      );
      const body = Buffer.concat(merged);
      this.#record(this.#servedRecord(answers));
      const headers = withoutHeader(first.headers, 'content-length');
      res.writeHead(first.status, [...headers, 'content-length', String(body.length), ...ownHeaders()]);
      res.end(body);
      return;
    }
    if (verdict?.kind === 'left') {
      this.#record(this.#records.find(({ outcome }) => outcome.kind === 'client-left'));
      return;
    }
    this.#record(verdict?.record);
    if (verdict?.kind === 'error') throw verdict.error;
    if (verdict === undefined) return;
    res.writeHead(verdict.held.status, [...verdict.held.headers, ...ownHeaders()]);
    res.end(verdict.held.body);
  }

  /** The last part that was served, with the tokens of all: the request's own numbers are taken from the last record. */
  #servedRecord(answers: readonly Done[]): AttemptRecord | undefined {
    const index = this.#records.findLastIndex(({ outcome }) => outcome.kind === 'served');
    const last = this.#records[index];
    if (last?.outcome.kind !== 'served') return undefined;
    const usage = embedUsage(answers.map(({ answer }) => answer));
    const whole: AttemptRecord = { ...last, outcome: { ...last.outcome, usage } };
    this.#records[index] = whole;
    return whole;
  }

  /** Enters every attempt into the request's record, the one that decided the answer last. */
  #record(deciding: AttemptRecord | undefined): void {
    const exchange = this.#exchange;
    // Where one was tried again the failures before it are retries like any other's, and count as such.
    exchange.parallel = !this.#retried;
    const others = this.#records.filter((record) => record !== deciding);
    exchange.attempts.push(...others, ...(deciding === undefined ? [] : [deciding]));
  }
}
