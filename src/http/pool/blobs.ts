import type { Runner } from '../../backends/backend.ts';
import type { ProxyError } from '../../core/errors.ts';
import type { AttemptEnd } from '../../forward/attempt.ts';
import { requestHeaders } from '../../forward/headers.ts';
import type { Part } from '../../forward/part.ts';
import type { Exchange } from '../exchange.ts';
import { failureError, noBackend } from '../failover.ts';
import type { HandlerParts } from '../parts.ts';
import { reportChange, type ChangeOutcome } from './changes-report.ts';
import type { Fanout } from './fanout.ts';
import { chooseBuildServer, policyForFiles } from './targets-of-change.ts';

const DIGEST = /^sha256[:-][0-9a-f]{64}$/i;
/** Files that are asked for at a time on one server; a model in many pieces has some dozens. */
const CHECKS_AT_ONCE = 8;
/** A create that names more files than any model has is not looked around for. */
const MAX_FILES = 1_000;

const outcomeOf = ({ kind, outcome }: AttemptEnd): ChangeOutcome => {
  if (kind === 'left') return 'client-left';
  if (outcome.kind === 'served') return 'done';
  return outcome.kind === 'client-error' && outcome.status < 500 ? 'refused' : 'failed';
};

const wordOf = ({ outcome }: AttemptEnd): string => {
  if (outcome.kind === 'served') return 'done';
  if (outcome.kind === 'client-error') return `refused: ${outcome.status}`;
  return outcome.kind === 'client-left' ? 'stopped: the client left' : `failed: ${outcome.message}`;
};

/**
 * Uploaded files and the create that needs them must meet on one server, because Ollama's servers do not fetch from
 * each other. So all files go to one build server, the same one for as long as it is up.
 */
export class Blobs {
  readonly #parts: HandlerParts;
  readonly #fanout: Fanout;
  #buildServer: string | undefined;

  constructor(parts: HandlerParts, fanout: Fanout) {
    this.#parts = parts;
    this.#fanout = fanout;
  }

  /**
   * `HEAD` and `POST /api/blobs/:digest`: the bytes pass as they come, and so does an answer that comes before them.
   * @throws ProxyError when no server can take it, the one that was asked failed, or the client fell silent
   */
  async serve(exchange: Exchange): Promise<void> {
    const tried = new Set<string>();
    for (;;) {
      const runner = this.#choose(tried);
      const { end, fault } = await this.#forward(exchange, runner);
      if (exchange.req.method === 'POST') {
        reportChange(this.#parts, exchange, 'upload', outcomeOf(end), { [runner.backendId]: wordOf(end) });
      }
      if (end.kind !== 'failed') return;
      if (fault !== undefined) throw fault;
      this.#parts.suspect(runner.backendId);
      this.#buildServer = undefined;
      tried.add(runner.backendId);
      // The bytes of an upload are gone; a question can be asked again.
      const others = this.#eligible().some(({ backendId }) => !tried.has(backendId));
      if (exchange.req.method === 'POST' || exchange.left || !others) {
        throw failureError(runner.backendId, end.failure, exchange.attempts.length);
      }
    }
  }

  /**
   * The server for a create that needs these files: the build server when it has them all or nobody has, else the first
   * one that does, for files that were uploaded past the proxy or before the build server changed.
   * @throws ProxyError `no_backend`
   */
  async serverWith(exchange: Exchange, digests: readonly string[]): Promise<Runner> {
    const build = this.#choose(new Set());
    // What is no digest is in no path; the build server refuses it in its own words.
    if (digests.length > MAX_FILES || !digests.every((digest) => DIGEST.test(digest))) return build;
    const checks = new Set<Part>();
    exchange.onLeave(() => {
      for (const check of checks) check.clientLeft();
    });
    const hasAll = (runner: Runner): Promise<boolean> => this.#hasAll(exchange, runner, digests, checks);
    if (await hasAll(build)) return build;
    const others = this.#eligible().filter(({ backendId }) => backendId !== build.backendId);
    const have = await Promise.all(others.map(hasAll));
    return others.find((_, index) => have[index] === true) ?? build;
  }

  #eligible(): readonly Runner[] {
    return this.#parts.registry.eligibleForPassthrough(undefined).runners;
  }

  #choose(tried: ReadonlySet<string>): Runner {
    const { runners, obstacles } = this.#parts.registry.eligibleForPassthrough(undefined);
    const servers = runners
      .filter(({ backendId }) => !tried.has(backendId))
      .map((runner) => ({ name: runner.backendId, weight: runner.weight, tags: runner.backend.config.tags, runner }));
    const chosen = chooseBuildServer(servers, policyForFiles(this.#parts.settings().changes), this.#buildServer);
    if (chosen === undefined) {
      const reasons = obstacles.map(({ backend, why }) => `${backend}: ${why}`).join('; ');
      throw noBackend(reasons === '' ? 'no backend is configured' : `no backend can take the file now (${reasons})`);
    }
    this.#buildServer = chosen.name;
    return chosen.runner;
  }

  async #hasAll(exchange: Exchange, runner: Runner, digests: readonly string[], checks: Set<Part>): Promise<boolean> {
    for (let from = 0; from < digests.length; from += CHECKS_AT_ONCE) {
      const some = digests.slice(from, from + CHECKS_AT_ONCE);
      const have = await Promise.all(some.map((digest) => this.#fanout.hasBlob(exchange, runner, digest, checks)));
      if (have.includes(false)) return false;
    }
    return true;
  }

  async #forward(
    exchange: Exchange,
    runner: Runner,
  ): Promise<{ readonly end: AttemptEnd; readonly fault: ProxyError | undefined }> {
    const { registry, passthrough } = this.#parts;
    const { req, res } = exchange;
    const { backend } = runner;
    const lease = registry.tryAcquire(runner);
    if (lease === undefined)
      throw noBackend(`backend ${backend.id}, where files are uploaded, can take no request now`);
    const why = 'files are uploaded to one server';
    exchange.begin({ backend: backend.id, model: '', why, rewritten: false });
    const run = passthrough.run({
      req,
      res,
      origin: backend.config.url.origin,
      path: backend.pathPrefix + (req.url ?? '/'),
      headers: requestHeaders(req.rawHeaders, exchange.id, backend.config.headers),
      body: undefined,
      ownHeaders: exchange.ownHeaders,
      bodyIdleMs: this.#parts.settings().bodyIdleMs,
    });
    exchange.onLeave(() => run.clientLeft());
    const end = await run.done;
    exchange.attempts.push({ backend: backend.id, model: '', why, outcome: end.outcome });
    lease.end(end.outcome);
    return { end, fault: run.clientFault() };
  }
}
