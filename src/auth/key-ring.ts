import { ProxyError } from '../core/errors.ts';
import type { KeyRule } from '../core/key-rule.ts';
import { shownKeys, type KeyHeaders } from './credentials.ts';
import { digestOf, sameDigest } from './digest.ts';
import { Ledger, dayResetMs, type Moment, type SavedLedger } from './ledger.ts';
import { Visit } from './visit.ts';

interface Entry {
  readonly rule: KeyRule;
  readonly digest: Buffer;
  readonly ledger: Ledger;
}

/** One key for people to see: what it may and what it used; nothing of the key itself or its hash. */
export interface KeyReport {
  readonly name: string;
  readonly tenant: string;
  readonly class: string | undefined;
  /** undefined = every model. */
  readonly models: readonly string[] | undefined;
  readonly routes: readonly string[];
  readonly allowPin: boolean;
  /** ISO 8601; undefined = never. */
  readonly notAfter: string | undefined;
  readonly expired: boolean;
  readonly limits: KeyRule['limits'];
  readonly usage: {
    readonly running: number;
    readonly requestsInMinute: number;
    readonly tokensInMinute: number;
    readonly tokensToday: number;
    /** Tokens that running requests are expected to take; they count against both limits on tokens. */
    readonly tokensReserved: number;
    readonly dayEndsInMs: number;
  };
  /** Since the start of the process. */
  readonly totals: {
    readonly requests: Readonly<Record<string, number>>;
    readonly promptTokens: number;
    readonly outputTokens: number;
  };
}

/** A ledger and whose it is. */
export type SavedKey = SavedLedger & { readonly name: string };

/** The API keys in force. Counters belong to names: they outlive reloads, a new hash included. */
export class KeyRing {
  #byName = new Map<string, Entry>();
  /** By the first 32 bits of the digest. */
  #byDigest = new Map<number, readonly Entry[]>();
  /** Requests that showed no key, or none that is in force. */
  #strangers = 0;

  /** No key is configured: everybody may come in. */
  get open(): boolean {
    return this.#byName.size === 0;
  }

  /** Takes over the keys of a configuration at once; requests that run under a key that is gone may finish. */
  apply(rules: readonly KeyRule[]): void {
    const byName = new Map<string, Entry>();
    const byDigest = new Map<number, readonly Entry[]>();
    for (const rule of rules) {
      const digest = Buffer.from(rule.hash, 'hex');
      const entry = { rule, digest, ledger: this.#byName.get(rule.name)?.ledger ?? new Ledger() };
      byName.set(rule.name, entry);
      const index = digest.readUInt32BE();
      byDigest.set(index, [...(byDigest.get(index) ?? []), entry]);
    }
    this.#byName = byName;
    this.#byDigest = byDigest;
  }

  /** The request's visit under the key that it shows. @throws ProxyError `unauthorized` */
  visit(headers: KeyHeaders, { wallMs }: Moment): Visit {
    const shown = shownKeys(headers);
    for (const key of shown) {
      const entry = this.#find(key);
      if (entry === undefined) continue;
      const { rule, ledger } = entry;
      if (rule.notAfter === undefined || wallMs < rule.notAfter) return new Visit(rule, ledger);
      ledger.count('unauthorized');
      throw new ProxyError('unauthorized', `the API key "${rule.name}" has expired`);
    }
    this.#strangers++;
    throw new ProxyError(
      'unauthorized',
      shown.length === 0
        ? 'an API key is needed: send it as "Authorization: Bearer KEY" or "x-api-key: KEY"'
        : 'the API key is not known here',
    );
  }

  /**
   * The key is hashed once, and nothing about it is found by comparing it itself. The index tells 32 bits of the digest
   * apart; whether it is the one is decided in constant time. No cache: it would save a microsecond and keep keys.
   */
  #find(key: string): Entry | undefined {
    const digest = digestOf(key);
    return this.#byDigest.get(digest.readUInt32BE())?.find((entry) => sameDigest(entry.digest, digest));
  }

  /** Requests by key and what came of them; '' stands for those without a known key. */
  *requests(): IterableIterator<{ readonly key: string; readonly outcome: string; readonly count: number }> {
    if (this.#strangers > 0) yield { key: '', outcome: 'unauthorized', count: this.#strangers };
    for (const { rule, ledger } of this.#byName.values()) {
      for (const [outcome, count] of ledger.outcomes) yield { key: rule.name, outcome, count };
    }
  }

  *tokens(): IterableIterator<{ readonly key: string; readonly promptTokens: number; readonly outputTokens: number }> {
    for (const { rule, ledger } of this.#byName.values()) {
      const { promptTokens, outputTokens } = ledger;
      yield { key: rule.name, promptTokens, outputTokens };
    }
  }

  report({ at, wallMs }: Moment): readonly KeyReport[] {
    return Array.from(this.#byName.values(), ({ rule, ledger }) => ({
      name: rule.name,
      tenant: rule.tenant,
      class: rule.class,
      models: rule.models,
      routes: rule.routes,
      allowPin: rule.allowPin,
      notAfter: rule.notAfter === undefined ? undefined : new Date(rule.notAfter).toISOString(),
      expired: rule.notAfter !== undefined && wallMs >= rule.notAfter,
      limits: rule.limits,
      usage: {
        running: ledger.running,
        requestsInMinute: ledger.requestsInMinute(at),
        tokensInMinute: ledger.tokensInMinute(at),
        tokensToday: ledger.tokensToday(wallMs),
        tokensReserved: ledger.reserved,
        dayEndsInMs: dayResetMs(wallMs),
      },
      totals: {
        requests: Object.fromEntries(ledger.outcomes),
        promptTokens: ledger.promptTokens,
        outputTokens: ledger.outputTokens,
      },
    }));
  }

  save(moment: Moment): readonly SavedKey[] {
    return Array.from(this.#byName, ([name, { ledger }]) => ({ name, ...ledger.save(moment) }));
  }

  /** Takes over what an earlier process counted for keys that there are. @throws TypeError if it cannot be read */
  restore(saved: Readonly<Record<string, unknown>>, awayMs: number, moment: Moment): void {
    const { name, requests, tokens, day, dayTokens } = saved;
    if (!isPairs(requests) || !isPairs(tokens) || !isAmount(day) || !isAmount(dayTokens)) {
      throw new TypeError('what an API key has used must be counts and times');
    }
    const entry = typeof name === 'string' ? this.#byName.get(name) : undefined;
    entry?.ledger.restore({ requests, tokens, day, dayTokens }, awayMs, moment);
  }
}

const isAmount = (value: unknown): value is number => typeof value === 'number' && value >= 0 && Number.isFinite(value);

const isPairs = (value: unknown): value is readonly (readonly [number, number])[] =>
  Array.isArray(value) &&
  value.every(
    (pair: unknown) => Array.isArray(pair) && pair.length === 2 && Number.isFinite(pair[0]) && isAmount(pair[1]),
  );
