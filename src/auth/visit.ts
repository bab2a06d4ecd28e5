import { ProxyError } from '../core/errors.ts';
import type { KeyRoute, KeyRule } from '../core/key-rule.ts';
import { modelKey } from '../core/model-name.ts';
import { fitsPattern } from '../core/model-pattern.ts';
import { PRIORITY_CLASSES, type PriorityClass } from '../core/types.ts';
import type { Ledger, Moment, Need, OverLimit } from './ledger.ts';
import { rateHeaders } from './rate-headers.ts';

const SECOND_MS = 1_000;

/** One request under a key: what the key allows it, and what it takes of the key's limits. */
export class Visit {
  readonly rule: KeyRule;
  readonly #ledger: Ledger;
  #entered = false;
  #held = 0;
  /** Tokens of the prompt as estimated, for an answer that never said how many there were. */
  promptEstimate = 0;

  constructor(rule: KeyRule, ledger: Ledger) {
    this.rule = rule;
    this.#ledger = ledger;
  }

  /** @throws ProxyError `forbidden` */
  mustAllow(route: KeyRoute): void {
    if (this.rule.routes.includes(route)) return;
    throw this.#forbidden(`is not for this route: it would need "${route}" among its routes`);
  }

  /** Whether a model may be used by this name. */
  fits(model: string): boolean {
    const { models } = this.rule;
    if (models === undefined) return true;
    const key = modelKey(model);
    return models.some((pattern) => fitsPattern(pattern, key));
  }

  /** @throws ProxyError `forbidden` */
  forbidModel(model: string): never {
    throw this.#forbidden(`may not use the model ${JSON.stringify(model.slice(0, 200))}`);
  }

  /** A request of which it cannot be told which model it is about. @throws ProxyError `forbidden` */
  forbidNameless(): never {
    throw this.#forbidden('may use some models only, and this request does not show which one it is about');
  }

  /** The class of the request. @param asked by header @throws ProxyError `forbidden` for a higher one than the key's */
  priority(asked: PriorityClass | undefined): PriorityClass {
    const highest = this.rule.class;
    if (highest === undefined) return asked ?? 'normal';
    if (asked === undefined) return highest;
    if (PRIORITY_CLASSES.indexOf(asked) >= PRIORITY_CLASSES.indexOf(highest)) return asked;
    throw this.#forbidden(`may ask for the class ${highest} at most, not ${asked} (x-task-router-priority)`);
  }

  /** @throws ProxyError `forbidden` */
  mustPin(): void {
    if (!this.rule.allowPin) throw this.#forbidden('may not choose the backend (x-task-router-backend)');
  }

  /** At the door. @throws ProxyError `rate_limited` */
  enter(moment: Moment): void {
    const over = this.#ledger.enter(this.rule.limits, moment);
    if (over !== undefined) throw this.#tooMuch(over);
    this.#entered = true;
  }

  /** Once the size of the request is known. @throws ProxyError `rate_limited`, `quota_exceeded` */
  start(need: Need, moment: Moment): void {
    const over = this.#ledger.start(this.rule.limits, need, moment);
    if (over !== undefined) throw this.#tooMuch(over);
    this.#held = need.tokens;
  }

  /** What a client is told of the limits now; flat name-value list. */
  headers(moment: Moment): readonly string[] {
    return rateHeaders(this.rule.limits, this.#ledger, moment);
  }

  /** The answer has come to its end, whichever that is. */
  settle(outcome: string, promptTokens: number, outputTokens: number, moment: Moment): void {
    this.#ledger.count(outcome);
    this.#ledger.settle(this.#held, promptTokens, outputTokens, moment);
    this.#held = 0;
  }

  /** Its last byte is out, or its connection gone. */
  leave(): void {
    if (this.#entered) this.#ledger.leave();
    this.#entered = false;
  }

  #forbidden(what: string): ProxyError {
    return new ProxyError('forbidden', `the API key "${this.rule.name}" ${what}`);
  }

  #tooMuch({ limit, most, waitMs }: OverLimit): ProxyError {
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / SECOND_MS));
    return new ProxyError(
      limit === 'tokens per day' ? 'quota_exceeded' : 'rate_limited',
      `the API key "${this.rule.name}" has reached its limit of ${most} ${limit}: try again in ${retryAfterSeconds} s`,
      { retryAfterSeconds },
    );
  }
}
