/**
 * What one decision and one recorded result cost, by number of models:
 *
 *   npx tsx bench/micro/routing.ts [models…]      (default 10 100 1000 10000)
 *
 * Every model has results in every category and some tasks under way, so nothing takes the easy way out. `decide` is
 * `rank`, the best choice and `chosen`, as the router does it; `record` is TaskRouter.recordTaskResult. Figures are the
 * median of the rounds in µs per call, with the fastest and slowest round.
 */
import { ManualClock, seededRng, STRATEGY_NAMES, TASK_CATEGORIES, TaskRouter } from '../../src/index.ts';
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

const decideTime = (name: string, candidates: readonly Candidate[]): Timing => {
  const strategy = createStrategy(name);
  const context = { at: 60_000, rng: seededRng(1) };
  const facts = { category: 'coding', model: '', affinityKey: undefined };
  return time(() => {
    const best = strategy.rank(facts, candidates, context).at(0);
    if (best !== undefined) strategy.chosen?.(best.candidate, candidates);
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
const sizes = given.length > 0 ? given : [10, 100, 1000, 10_000];
console.log(`µs per call: median (fastest–slowest round) of ${ROUNDS} rounds, Node ${process.version}\n`);
console.log(`${'models'.padEnd(16)}${sizes.map((size) => String(size).padEnd(28)).join('')}`);
for (const name of STRATEGY_NAMES) {
  console.log(`${name.padEnd(16)}${sizes.map((size) => cell(decideTime(name, candidatesOf(size)))).join('')}`);
}
console.log(`${'record'.padEnd(16)}${sizes.map((size) => cell(recordTime(size))).join('')}`);
