import { errorRules, ProxyError } from '../../core/errors.ts';
import { modelKey } from '../../core/model-name.ts';
import { readBody } from '../../forward/body.ts';
import { readWishes, type NamedModel } from '../ask.ts';
import type { Exchange } from '../exchange.ts';
import type { HandlerParts, HandlerSettings } from '../parts.ts';
import type { PoolChange } from '../routes.ts';
import type { Target } from '../targets.ts';
import { Blobs } from './blobs.ts';
import { readChange, renamed, type ChangeAsk } from './changes-ask.ts';
import { freeName, literalModel, realModel } from './changes-names.ts';
import { reportChange } from './changes-report.ts';
import { ChangeRun, type Job, type Sent } from './changes-run.ts';
import type { Fanout } from './fanout.ts';
import { hasTags, policyFor } from './targets-of-change.ts';
import { withinMs } from './within.ts';

/** Longest wait for servers that are asked what they have before a change. */
const FRESH_MS = 300;

/** The body with the real name where the client wrote an alias. */
const sentFor = (ask: ChangeAsk, named: NamedModel, target: Target): Sent => {
  const rewritten = target.key !== modelKey(named.model);
  return { rewritten, model: target.name, body: rewritten ? renamed(ask, named.span, target.name) : ask.body };
};

/** Pull, push, create, copy, delete and uploads over the pool: who gets what. */
export class Changes {
  readonly #parts: HandlerParts;
  readonly #blobs: Blobs;
  readonly #run: ChangeRun;

  constructor(parts: HandlerParts, fanout: Fanout) {
    this.#parts = parts;
    this.#blobs = new Blobs(parts, fanout);
    this.#run = new ChangeRun(parts, fanout);
  }

  /** Serves one request. @throws ProxyError when it is refused or no server said a word that could be handed on */
  async serve(exchange: Exchange, operation: PoolChange): Promise<void> {
    // Category and the like mean nothing here, but a pin that was not obeyed could delete from the wrong server.
    const { explain, pin } = readWishes(exchange.req.headers, exchange.visit, this.#parts.settings().categories);
    exchange.explain = explain;
    if (pin !== undefined) {
      const advice = 'where models go is said by changes.rules, and what is changed is changed on every server';
      throw new ProxyError('bad_request', `header x-task-router-backend: not for ${operation}: ${advice}`);
    }
    if (operation === 'upload') {
      await this.#blobs.serve(exchange);
      return;
    }
    try {
      await this.#change(exchange, operation);
    } catch (error) {
      // What went to a server was reported with what came of it there.
      if (exchange.attempts.length === 0 && error instanceof ProxyError && !exchange.left) {
        const refused = errorRules[error.code].status < 500;
        reportChange(this.#parts, exchange, operation, refused ? 'refused' : 'failed', {});
      }
      throw error;
    }
  }

  async #change(exchange: Exchange, operation: PoolChange): Promise<void> {
    const settings = this.#parts.settings();
    const body = await readBody(exchange.req, settings.bodyBytes, settings.bodyIdleMs);
    const ask = readChange(body, exchange.route.modelIn);
    exchange.model = ask.model?.model;
    const others = [ask.destination, ask.from?.model].filter((name) => name !== undefined);
    this.#parts.keys.mustOwn(exchange, ask.model?.model, ...others);
    await withinMs(FRESH_MS, this.#parts.freshModels());
    if (exchange.left) {
      reportChange(this.#parts, exchange, operation, 'client-left', {});
      return;
    }
    const job: Job = { exchange, operation, ask };
    if (ask.model === undefined) await this.#run.anyOne(job);
    else if (operation === 'pull') await this.#pull(job, ask.model, settings);
    else if (operation === 'push') await this.#push(job, ask.model, settings);
    else if (operation === 'create') await this.#create(job, ask.model, settings);
    else if (operation === 'copy') await this.#copy(job, ask.model, settings);
    else await this.#delete(job, ask.model, settings);
  }

  async #pull(job: Job, named: NamedModel, { targets, changes }: HandlerSettings): Promise<void> {
    const target = realModel(targets, named.model, 'pull');
    const sent = sentFor(job.ask, named, target);
    await this.#run.spread(job, target, this.#run.candidates(target.key), policyFor(target.name, changes), sent);
  }

  async #push(job: Job, named: NamedModel, { targets }: HandlerSettings): Promise<void> {
    const target = realModel(targets, named.model, 'push');
    const candidates = this.#run.candidates(target.key);
    const holders = candidates.filter(({ runner }) => runner.backend.installed.has(target.key));
    const sent = sentFor(job.ask, named, target);
    if (holders.length > 0) await this.#run.one(job, holders, sent, 'it has the model');
    else await this.#run.one(job, candidates, sent, 'nobody has the model');
  }

  async #create(job: Job, named: NamedModel, { targets, changes }: HandlerSettings): Promise<void> {
    const { ask, exchange } = job;
    const target = freeName(targets, named.model, 'create');
    const { from } = ask;
    const source = from && realModel(targets, from.model, 'create from');
    const body = from && source ? sentFor(ask, from, source).body : ask.body;
    // The name that is created is the client's own, whatever it is made from.
    const sent: Sent = { body, model: target.name, rewritten: false };
    if (ask.files.length > 0) {
      await this.#run.to(job, await this.#blobs.serverWith(exchange, ask.files), sent, 'its files are there');
      return;
    }
    if (source === undefined) {
      await this.#run.anyOne(job);
      return;
    }
    const policy = policyFor(target.name, changes);
    const candidates = this.#run.candidates(target.key).filter((candidate) => hasTags(candidate, policy));
    // A server without the source would fetch it first, or fail where it was never published.
    const near = candidates.filter(({ runner }) => runner.backend.installed.has(source.key));
    await this.#run.spread(job, target, near.length > 0 ? near : candidates, policy, sent);
  }

  async #copy(job: Job, named: NamedModel, { targets }: HandlerSettings): Promise<void> {
    if (job.ask.destination !== undefined) freeName(targets, job.ask.destination, 'copy to');
    const target = realModel(targets, named.model, 'copy');
    await this.#run.everywhere(job, target, sentFor(job.ask, named, target));
  }

  async #delete(job: Job, named: NamedModel, { targets }: HandlerSettings): Promise<void> {
    const exists = (key: string): boolean => this.#parts.registry.models().has(key);
    const target = literalModel(targets, named.model, exists);
    await this.#run.everywhere(job, target, { body: job.ask.body, model: target.name, rewritten: false });
  }
}
