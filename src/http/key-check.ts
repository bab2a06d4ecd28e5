import { withoutCredentials } from '../auth/credentials.ts';
import type { KeyRing } from '../auth/key-ring.ts';
import { momentOf, NO_NEED, type Moment, type Need } from '../auth/ledger.ts';
import type { Clock } from '../core/clock.ts';
import type { Demand } from '../core/demand.ts';
import type { KeyRoute } from '../core/key-rule.ts';
import type { Facts } from '../facts/facts.ts';
import type { RequestRecord } from '../results/history.ts';
import type { Exchange } from './exchange.ts';
import type { Route } from './routes.ts';
import type { TargetTable, Tiers } from './targets.ts';

/** A 401 names how to come in (RFC 9110 §11.6.1); Basic would make browsers ask their users for a password. */
const CHALLENGE = ['www-authenticate', 'Bearer realm="ollama-task-router"'];
/** Records of an OpenAI stream that carry no token: the one with `finish_reason`, and `[DONE]`. */
const OPENAI_TAIL = 2;

export interface KeyCheckParts {
  readonly ring: KeyRing;
  readonly facts: Facts;
  readonly targets: () => TargetTable;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wall: () => number;
  /** Something was counted that outlives the process. */
  readonly changed: () => void;
}

/** What a key must be allowed for a route; undefined = every key may. */
const rightFor = ({ forwarder, read, resolves }: Route): KeyRoute | undefined => {
  if (forwarder === 'inference') return 'inference';
  if (forwarder === 'change') return 'models:write';
  if (read === 'root' || read === 'version') return undefined;
  // Besides the lists only what shows one model has its name resolved.
  return read !== undefined || resolves ? 'models:read' : 'other';
};

/** The API keys at the proxy's door (`auth.keys`). While there are none it lets everything pass, credentials included. */
export class KeyCheck {
  readonly #parts: KeyCheckParts;

  constructor(parts: KeyCheckParts) {
    this.#parts = parts;
  }

  /**
   * Before anything of a request is read: who it is and whether it may do such a thing. From here on its credentials are
   * gone from its headers, so that they reach no backend.
   * @throws ProxyError `unauthorized`, `forbidden`, `rate_limited`
   */
  enter(exchange: Exchange): void {
    const { ring } = this.#parts;
    if (ring.open) return;
    const { req, route } = exchange;
    const moment = this.#now();
    exchange.keyHeaders = CHALLENGE;
    const visit = ring.visit(req.headers, moment);
    exchange.visit = visit;
    req.rawHeaders = withoutCredentials(req.rawHeaders);
    delete req.headers.authorization;
    delete req.headers['x-api-key'];
    const right = rightFor(route);
    try {
      if (right !== undefined) visit.mustAllow(right);
      visit.enter(moment);
      // What runs no model is as large as it will be; the rest is counted once it was read.
      if (route.forwarder !== 'inference') visit.start(NO_NEED, moment);
    } finally {
      exchange.keyHeaders = visit.headers(moment);
    }
  }

  /**
   * A request that runs a model, once it was read: holds the tokens that it is expected to take.
   * @returns the models that it may be served with
   * @throws ProxyError `forbidden`, `rate_limited`, `quota_exceeded`
   */
  admit(exchange: Exchange, asked: string, tiers: Tiers, demand: Demand): Tiers {
    const { visit } = exchange;
    if (visit === undefined) return tiers;
    const allowed = this.narrow(exchange, asked, tiers);
    const moment = this.#now();
    const model = allowed[0]?.[0]?.key ?? '';
    const { facts } = this.#parts;
    try {
      visit.promptEstimate = Math.ceil(facts.estimate(model, demand, moment.at).promptTokens);
      visit.start(needOf(visit.promptEstimate, demand, facts, model, moment.at), moment);
    } finally {
      exchange.keyHeaders = visit.headers(moment);
    }
    return allowed;
  }

  /**
   * Of the models behind a name those that the key may use: all if it may use the name.
   * @throws ProxyError `forbidden` when there are none
   */
  narrow({ visit }: Exchange, asked: string, tiers: Tiers): Tiers {
    if (visit === undefined || visit.fits(asked)) return tiers;
    const allowed = tiers.map((tier) => tier.filter(({ name }) => visit.fits(name))).filter((tier) => tier.length > 0);
    return allowed.length > 0 ? allowed : visit.forbidModel(asked);
  }

  /** Whether a list may show this name to the client. */
  shows({ visit }: Exchange, name: string): boolean {
    if (visit === undefined || visit.fits(name)) return true;
    const behind = this.#parts.targets().tiers(name, 'unknown').flat();
    return behind.some((target) => visit.fits(target.name));
  }

  /**
   * For requests about models that are handed on: every model that is named must be one of the key's.
   * @param names undefined where none was found
   * @throws ProxyError `forbidden`
   */
  mustOwn({ visit }: Exchange, ...names: readonly (string | undefined)[]): void {
    if (visit?.rule.models === undefined) return;
    for (const name of names) {
      if (name === undefined) visit.forbidNameless();
      else if (!visit.fits(name)) visit.forbidModel(name);
    }
  }

  /** The request has ended, whichever way: counts it, and lets the next one in once its last byte is out. */
  leave(exchange: Exchange, record: RequestRecord): void {
    const { visit, res } = exchange;
    if (visit === undefined) return;
    const { promptTokens, outputTokens } = tokensOf(exchange, record);
    const outcome = record.outcome === 'refused' ? (record.error ?? record.outcome) : record.outcome;
    visit.settle(outcome, Math.round(promptTokens), Math.round(outputTokens), this.#now());
    if (res.closed || res.destroyed) visit.leave();
    else res.once('close', () => visit.leave());
    this.#parts.changed();
  }

  #now(): Moment {
    return momentOf(this.#parts.clock.now(), this.#parts.wall());
  }
}

/** What a request is taken to need: its prompt, and as much of an answer as it asks for or such answers usually have. */
const needOf = (prompt: number, demand: Demand, facts: Facts, model: string, at: number): Need => {
  const { kind, outputLimit, app } = demand;
  if (kind === 'load') return NO_NEED;
  if (kind === 'embedding') return { tokens: Math.max(1, prompt), guessed: false };
  const answer = outputLimit ?? Math.ceil(facts.lengths.expected(app, model, at));
  return { tokens: Math.max(1, prompt + answer), guessed: outputLimit === undefined };
};

interface Tokens {
  readonly promptTokens: number;
  readonly outputTokens: number;
}

const NOTHING: Tokens = { promptTokens: 0, outputTokens: 0 };

/**
 * The tokens that a request took: as its last server counted them, and where none did (a stream that was cut or whose
 * client wanted no usage) the prompt as estimated and a token for each record that went out. Attempts that failed before
 * their first byte are the pool's loss.
 */
const tokensOf = ({ visit, streamed, dialect, route }: Exchange, { attempts, usage }: RequestRecord): Tokens => {
  const last = attempts.at(-1)?.outcome;
  if (visit === undefined || last === undefined || route.forwarder !== 'inference') return NOTHING;
  const estimate = visit.promptEstimate;
  if (last.kind === 'served') {
    const written = route.endpoint === 'embed' ? 0 : Math.max(0, streamed - (dialect === 'openai' ? OPENAI_TAIL : 0));
    return { promptTokens: usage?.promptTokens ?? estimate, outputTokens: usage?.outputTokens ?? written };
  }
  // Parts of a batch that was split and not answered.
  let parts = 0;
  for (const { outcome } of attempts) if (outcome.kind === 'served') parts += outcome.usage?.promptTokens ?? 0;
  const reading = last.kind === 'client-left' && (last.phase === 'head' || last.phase === 'first-byte');
  const writing = (last.kind === 'client-left' || last.kind === 'backend-failed') && last.phase === 'body';
  return { promptTokens: reading || writing ? Math.max(parts, estimate) : parts, outputTokens: writing ? streamed : 0 };
};
