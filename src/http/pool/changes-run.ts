import type { Runner } from '../../backends/backend.ts';
import type { Exchange } from '../exchange.ts';
import { noBackend } from '../failover.ts';
import type { HandlerParts } from '../parts.ts';
import type { PoolChange } from '../routes.ts';
import type { Target } from '../targets.ts';
import { everywhereAnswer, progressAnswer, type ChangeAnswer, type Unreachable } from './changes-answer.ts';
import type { ChangeAsk } from './changes-ask.ts';
import { reportChange, wordsOf } from './changes-report.ts';
import { recordParts, type Fanout, type PartResult } from './fanout.ts';
import { MergedAnswer } from './fanout-stream.ts';
import { chooseServers, type ChangePolicy, type Server } from './targets-of-change.ts';
import { withinMs } from './within.ts';

/** Longest wait for servers to be looked at again after a change, so that the next list shows it. */
const SEEN_MS = 1_000;

/** A request that changes which models the pool has. */
export interface Job {
  readonly exchange: Exchange;
  readonly operation: PoolChange;
  readonly ask: ChangeAsk;
}

/** What a server is sent. */
export interface Sent {
  readonly body: Buffer;
  /** The name that the servers are given; '' where there is none. */
  readonly model: string;
  /** It is another one than the client's. */
  readonly rewritten: boolean;
}

/** A server that may be asked. */
export type Candidate = Server & { readonly runner: Runner };

const listed = (obstacles: readonly Unreachable[]): string =>
  obstacles.map(({ backend, why }) => `${backend}: ${why}`).join('; ');

const notReached = ({ end }: PartResult): boolean => end.kind === 'failed' && end.failure.reason === 'connect';

/** Sends a change where it is to go, waits for all, has the servers looked at again, reports and answers. */
export class ChangeRun {
  readonly #parts: HandlerParts;
  readonly #fanout: Fanout;
  /** Which servers are getting which model right now, by key: a second pull of it goes to the same ones. */
  readonly #underWay = new Map<string, string[]>();

  constructor(parts: HandlerParts, fanout: Fanout) {
    this.#parts = parts;
    this.#fanout = fanout;
  }

  /**
   * Every server that may be asked.
   * @param key the model that matters for who holds it
   * @throws ProxyError `no_backend` when there is none
   */
  candidates(key: string): readonly Candidate[] {
    const { runners, obstacles } = this.#parts.registry.eligibleForPassthrough(undefined);
    if (runners.length === 0) {
      const reasons = listed(obstacles);
      throw noBackend(reasons === '' ? 'no backend is configured' : `no backend can take the request now (${reasons})`);
    }
    const getting = this.#underWay.get(key) ?? [];
    return runners.map((runner) => ({
      runner,
      weight: runner.weight,
      inflight: runner.inflight,
      slots: runner.backend.slots,
      tags: runner.backend.config.tags,
      storedBytes: [...runner.backend.installed.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      holds: runner.backend.installed.has(key) || getting.includes(runner.backendId),
    }));
  }

  /** Sends it to as many of the candidates as the policy wants. @throws ProxyError */
  async spread(
    job: Job,
    target: Target,
    candidates: readonly Candidate[],
    policy: ChangePolicy,
    sent: Sent,
  ): Promise<void> {
    const { copies, tags } = policy;
    const runners = chooseServers(candidates, policy).map(({ runner }) => runner);
    if (runners.length === 0) {
      const wanted = `the tags that changes.rules ask for (${tags.join(', ')})`;
      throw noBackend(`no backend that can take requests now has ${wanted}`);
    }
    const why = `one of ${runners.length} that get it (${[`copies: ${copies}`, ...tags].join(', ')})`;
    const names = runners.map(({ backendId }) => backendId);
    this.#underWay.set(target.key, [...(this.#underWay.get(target.key) ?? []), ...names]);
    try {
      await this.#run(job, runners, sent, why);
    } finally {
      this.#noLongerUnderWay(target.key, names);
    }
  }

  /** Sends it to every server that has the model. @throws ProxyError */
  async everywhere(job: Job, target: Target, sent: Sent): Promise<void> {
    const { known, runners, obstacles } = this.#parts.registry.eligibleForPassthrough(target.key);
    if (!known) {
      await this.anyOne(job);
      return;
    }
    if (runners.length === 0) {
      throw noBackend(`no backend that has ${target.name} can take the request now (${listed(obstacles)})`);
    }
    await this.#run(job, runners, sent, 'it has the model', obstacles);
  }

  /** Sends it to this one server. @throws ProxyError */
  async to(job: Job, runner: Runner, sent: Sent, why: string): Promise<void> {
    await this.#run(job, [runner], sent, why);
  }

  /** Sends it to one of the candidates, and on to the next only when it could not even be reached. @throws ProxyError */
  async one(job: Job, candidates: readonly Candidate[], sent: Sent, why: string): Promise<void> {
    const ranked = chooseServers(candidates, { copies: 'all', tags: [] });
    for (const [index, { runner }] of ranked.entries()) {
      const answered = await this.#run(job, [runner], sent, why, [], index < ranked.length - 1);
      if (answered) return;
    }
  }

  /** What any server says to this: it names no model, or one that nobody has. @throws ProxyError */
  async anyOne(job: Job): Promise<void> {
    const { body, model } = job.ask;
    const sent: Sent = { body, rewritten: false, model: model?.model ?? '' };
    await this.one(job, this.candidates(''), sent, 'any server says this');
  }

  #noLongerUnderWay(key: string, names: readonly string[]): void {
    const rest = [...(this.#underWay.get(key) ?? [])];
    for (const name of names) rest.splice(rest.indexOf(name), 1);
    if (rest.length > 0) this.#underWay.set(key, rest);
    else this.#underWay.delete(key);
  }

  /**
   * @param unreachable holders that cannot be asked
   * @param mayMoveOn says nothing to the client when no server could be reached
   * @returns false when nothing was said for that reason
   */
  async #run(
    job: Job,
    runners: readonly Runner[],
    { body, model, rewritten }: Sent,
    why: string,
    unreachable: readonly Unreachable[] = [],
    mayMoveOn = false,
  ): Promise<boolean> {
    const { exchange, operation, ask } = job;
    const names = runners.map(({ backendId }) => backendId);
    exchange.begin({ backend: names.join(', '), model, why, rewritten });
    const everywhere = operation === 'delete' || operation === 'copy';
    const merged = ask.stream && !everywhere ? new MergedAnswer(exchange, names) : undefined;
    const sends = runners.map((runner) => ({ runner, body }));
    const results = await this.#fanout.run(exchange, sends, everywhere || ask.stream, merged);
    const answer = everywhere
      ? everywhereAnswer(exchange, results, unreachable, operation === 'delete' ? 'deleted' : 'copied')
      : progressAnswer(exchange, merged, results);
    recordParts(exchange, results, exchange.left ? ({ kind }) => kind === 'left' : answer.decides, model, why);
    if (mayMoveOn && !exchange.left && results.every(notReached)) return false;
    await this.#settle(job, results, unreachable, answer);
    return true;
  }

  async #settle(
    { exchange, operation }: Job,
    results: readonly PartResult[],
    unreachable: readonly Unreachable[],
    answer: ChangeAnswer,
  ): Promise<void> {
    const outcome = exchange.left ? 'client-left' : answer.outcome;
    const notAsked = unreachable.map(({ backend, why }) => [backend, `not asked: ${why}`] as const);
    reportChange(this.#parts, exchange, operation, outcome, { ...wordsOf(results), ...Object.fromEntries(notAsked) });
    const seen = this.#parts.freshModels(results.map(({ backend }) => backend));
    if (exchange.left) return;
    await withinMs(SEEN_MS, seen);
    if (!exchange.left) answer.send();
  }
}
