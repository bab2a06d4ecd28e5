import type { Runner } from './backend.ts';
import { openUntil } from './breaker.ts';
import { standingOf, type BreakerRules, type Standing } from './care.ts';

/** Which backends could take a request for a model, and what stands in the way at the others. */
export interface Eligibility {
  /** Some backend has the model, whether or not it can take a request now. */
  readonly known: boolean;
  readonly runners: readonly Runner[];
  readonly obstacles: readonly { readonly backend: string; readonly why: string }[];
  /** More of those that breakers took out, for a request that failed on all of `runners`; the soonest to return first. */
  readonly spare?: readonly Runner[];
}

/**
 * What keeps requests from a runner: `barred` = nothing goes there; `out` = its breaker is open for what it answered;
 * `waits` = it takes no more at this moment, and will soon.
 */
export type Hurdle = 'barred' | 'out' | 'waits';

/** A request that runs no model is as good as a probe and costs the server nothing: for it the plain rules do. */
const isAdaptive = (runner: Runner, rules: BreakerRules): boolean => rules.adaptive === true && runner.model !== '';

const atBackend = (runner: Runner, rules: BreakerRules, at: number): Standing =>
  standingOf(runner.backend, rules, at, isAdaptive(runner, rules), runner.backend.inflight);

const atModel = (runner: Runner, rules: BreakerRules, at: number): Standing =>
  standingOf(runner, rules, at, isAdaptive(runner, rules), runner.running);

/** Its server loads nothing any more, and it is not in memory: what is sent there waits for good. */
const isStuck = ({ facts, model }: Runner, at: number): boolean =>
  facts?.host.stuck === true && !facts.host.residency.inMemory(model, at);

/** undefined = it may take a request, room in its slots aside. */
export const hurdleOf = (runner: Runner, rules: BreakerRules, at: number): Hurdle | undefined => {
  const { backend } = runner;
  if (!backend.enabled || backend.draining || backend.health !== 'up') return 'barred';
  const whole = atBackend(runner, rules, at);
  const model = atModel(runner, rules, at);
  if (whole === 'free' && model === 'free')
    return isAdaptive(runner, rules) && isStuck(runner, at) ? 'waits' : undefined;
  if (!isAdaptive(runner, rules)) return 'barred';
  if (whole === 'out') return backend.care.dead ? 'barred' : 'out';
  return model === 'out' ? 'out' : 'waits';
};

/** The same in words; to be asked only where there is one. */
const wordsFor = (runner: Runner, rules: BreakerRules, at: number): string => {
  const { backend } = runner;
  if (!backend.enabled) return 'disabled by the operator';
  if (backend.draining) return 'draining';
  if (backend.health !== 'up') return backend.lastError === '' ? 'not probed yet' : `down: ${backend.lastError}`;
  const whole = atBackend(runner, rules, at);
  const what = whole === 'free' ? 'model' : 'backend';
  const standing = whole === 'free' ? atModel(runner, rules, at) : whole;
  if (standing === 'free') return 'it loads no models at present, and this one is not in its memory';
  if (standing === 'untried') return `the ${what} is tried out before it gets requests again`;
  if (standing === 'full' && isAdaptive(runner, rules))
    return `the ${what} gets few requests at a time until they go well`;
  return `circuit breaker of the ${what} is open`;
};

/** When the breakers that keep a runner out let go of it. */
const backAt = ({ breaker, backend }: Runner, rules: BreakerRules): number =>
  Math.max(
    breaker.state === 'open' ? openUntil(breaker, rules) : 0,
    backend.breaker.state === 'open' ? openUntil(backend.breaker, rules) : 0,
  );

/** How many of the runners that breakers took out must be used all the same, so that half of a model's remain. */
const excess = (out: number, others: number): number => Math.max(0, out - Math.floor((out + others) / 2));

/**
 * Sorts out who may be asked. Breakers take out at most half of those that could be asked, dead ones not counted: what is
 * beyond that is asked in spite of its breaker, whoever would return soonest first. If everybody who is left takes no
 * more at this moment these are named, so that the request waits for them.
 */
export const sift = (all: readonly Runner[], rules: BreakerRules, at: number): Eligibility => {
  const runners: Runner[] = [];
  const obstacles: { backend: string; why: string }[] = [];
  let out: Runner[] | undefined;
  let waits: Runner[] | undefined;
  for (const runner of all) {
    const hurdle = hurdleOf(runner, rules, at);
    if (hurdle === undefined) {
      runners.push(runner);
      continue;
    }
    obstacles.push({ backend: runner.backendId, why: wordsFor(runner, rules, at) });
    if (hurdle === 'out') (out ??= []).push(runner);
    else if (hurdle === 'waits') (waits ??= []).push(runner);
  }
  const needed = out === undefined ? 0 : excess(out.length, runners.length + (waits?.length ?? 0));
  if (out === undefined || needed === 0) {
    return { known: true, runners: runners.length > 0 ? runners : (waits ?? runners), obstacles };
  }
  out.sort((a, b) => backAt(a, rules) - backAt(b, rules));
  return { known: true, runners: [...runners, ...out.slice(0, needed)], obstacles, spare: out.slice(needed) };
};

/** Whether breakers took out more than half of these, so that a request may go to one of them. O(all) */
export const panics = (all: readonly Runner[], rules: BreakerRules, at: number): boolean => {
  let out = 0;
  let others = 0;
  for (const runner of all) {
    const hurdle = hurdleOf(runner, rules, at);
    if (hurdle === 'out') out++;
    else if (hurdle !== 'barred') others++;
  }
  return excess(out, others) > 0;
};
