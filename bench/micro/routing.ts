/**
 * What one decision and one recorded result cost, by number of models:
 *
 *   npx tsx bench/micro/routing.ts [models…]      (default 10 100 1000 10000, with an outlook 20 200 2000)
 *
 * Every model has results in every category and some tasks under way, so nothing takes the easy way out. A decision is
 * `rank`, the best choice and `chosen`, as the router does it: in the first table as in the library, in the second with
 * an outlook, as in the proxy, the reason of the best included. `record` is TaskRouter.recordTaskResult. Figures are
 * the median of the rounds in µs per call, with the fastest and slowest round.
 */
import { ManualClock, seededRng, STRATEGY_NAMES, TASK_CATEGORIES, TaskRouter } from '../../src/index.ts';
import { Outlook } from '../../src/core/outlook.ts';
import type { Candidate } from '../../src/index.ts';
import { Learned } from '../../src/results/learned.ts';
import { createStrategy } from '../../src/routing/index.ts';

const ROUNDS = 15;
const ROUND_MS = 40;

interface Timing {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** µs per call: rounds of about ROUND_MS each, after two to warm up. */
const time = (call: () => void): Timing => {
  const perCall: number[] = [];
  let calls = 1;
  for (let round = -2; round < ROUNDS;) {
    const began = performance.now();
    for (let i = 0; i < calls; i++) call();
    const took = performance.now() - began;
    if (took < ROUND_MS / 2) {
      calls *= 2;
      continue;
    }
    if (round >= 0) perCall.push((took * 1000) / calls);
    round++;
  }
  perCall.sort((a, b) => a - b);
  return { median: perCall[ROUNDS >> 1] ?? NaN, min: perCall[0] ?? NaN, max: perCall[ROUNDS - 1] ?? NaN };
};

const candidatesOf = (size: number): Candidate[] => {
  const rng = seededRng(size);
  const learned = new Learned();
  return Array.from({ length: size }, (_, i) => {
    const id = `model-${i}`;
    for (const category of TASK_CATEGORIES) {
      for (let n = 0; n < 3; n++) {
        const latencyMs = 50 + 1000 * rng.next();
        learned.record(id, { category, success: rng.next() < 0.9, latencyMs }, 1000 * rng.next());
      }
    }
    const inflight = Math.floor(4 * rng.next());
    return { id, backendId: id, model: id, weight: 1 + (i % 3), inflight, resident: undefined, stats: learned.of(id) };
  });
};

/** Half of the pool is busy, and a third must load the model first. */
const outlookOf = (size: number): Outlook => {
  const rng = seededRng(size);
  const outlook = new Outlook();
  outlook.resize(size);
  Object.assign(outlook, { promptTokens: 3000, outputTokens: 200, serviceMs: 8000, pressure: 1 });
  for (let i = 0; i < size; i++) {
    const busy = rng.next() < 0.5;
    outlook.ready[i] = busy ? 0 : 1;
    outlook.wait[i] = busy ? 8000 * rng.next() : 0;
    outlook.load[i] = i % 3 === 0 ? 6000 : 0;
    outlook.prefill[i] = 200 + 4000 * rng.next();
    outlook.decode[i] = 2000 + 5000 * rng.next();
    outlook.slowdown[i] = 1 + rng.next();
    outlook.evict[i] = i % 3 === 0 ? 1500 * rng.next() : 0;
    outlook.harm[i] = busy ? 300 * rng.next() : 0;
    outlook.freshWork[i] = 1300 * rng.next();
    outlook.cached[i] = Math.floor(3000 * rng.next());
    outlook.backlog[i] = busy ? 9000 * rng.next() : 0;
    outlook.slots[i] = 1 + (i % 4);
    outlook.slowFirst[i] = 0.5 + rng.next();
    outlook.slowToken[i] = 0.5 + rng.next();
  }
  return outlook;
};

const decideTime = (name: string, candidates: readonly Candidate[], outlook?: Outlook): Timing => {
  const strategy = createStrategy(name);
  const context = { at: 60_000, rng: seededRng(1), outlook };
  const facts = { category: 'coding', model: '', affinityKey: undefined };
  return time(() => {
    const best = strategy.rank(facts, candidates, context).at(0);
    if (best === undefined) return;
    if (outlook !== undefined && best.why === '') throw new Error(`${name} gives no reason`);
    strategy.chosen?.(best.candidate, candidates);
  });
};

const recordTime = (size: number): Timing => {
  const clock = new ManualClock();
  const router = new TaskRouter<undefined>({ clock, rng: seededRng(1) });
  for (let i = 0; i < size; i++) router.registerModel(`model-${i}`, undefined);
  let n = 0;
  return time(() => {
    n++;
    clock.advance(1);
    router.recordTaskResult(`model-${n % size}`, n % 10 > 0, n % 1000, n % 2 ? 'coding' : 'testing');
  });
};

const cell = ({ median, min, max }: Timing): string =>
  `${median.toPrecision(3)} (${min.toPrecision(3)}–${max.toPrecision(3)})`.padEnd(28);

const given = process.argv.slice(2).map(Number);
console.log(`µs per call: median (fastest–slowest round) of ${ROUNDS} rounds, Node ${process.version}`);

const table = (title: string, sizes: readonly number[], rows: Readonly<Record<string, (size: number) => Timing>>) => {
  console.log(`\n${title.padEnd(20)}${sizes.map((size) => String(size).padEnd(28)).join('')}`);
  for (const [name, timeAt] of Object.entries(rows)) {
    console.log(`${name.padEnd(20)}${sizes.map((size) => cell(timeAt(size))).join('')}`);
  }
};
const decisions = (outlookAt: (size: number) => Outlook | undefined) =>
  Object.fromEntries(
    STRATEGY_NAMES.map((name) => [name, (size: number) => decideTime(name, candidatesOf(size), outlookAt(size))]),
  );
table('models', given.length > 0 ? given : [10, 100, 1000, 10_000], {
  ...decisions(() => undefined),
  record: recordTime,
});
table('with an outlook', given.length > 0 ? given : [20, 200, 2000], decisions(outlookOf));
