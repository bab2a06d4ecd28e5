/**
 * What a routing decision costs in a whole pool at work, by number of servers:
 *
 *   npx tsc -p tsconfig.json --noEmit false --outDir dist/all && node dist/all/bench/micro/decision.js [servers…]
 *   npx tsx bench/micro/decision.ts [servers…]      (default 20 200 10000; slower: tsx wraps every closure)
 *
 * `--strategy NAME` (default hybrid), `--steps N`. Two scenes, both with 1,000 requests that wait: `full` = every slot is
 * taken and whoever arrives waits; `half` = half of the slots are free, and those who wait want a model that only three
 * servers have. A step ends one request, which gives its place to whoever may start now, and lets one arrive.
 * `ask` is a single ask for a place, from who may be asked to the lease or the no; `release` and `arrival` are all that
 * happens in that tick, however many are asked; `look` is taking in what a look at a server showed, waiters asked again.
 * `--cpu` counts the time of the processor instead of the clock's, with 1 µs or so on top: for a machine with other work.
 */
import { parseArgs } from 'node:util';
import { createStrategy } from '../../src/routing/index.ts';
import { DecisionPool } from './decision-pool.ts';

/** Requests that wait (routing-science: the target is stated for so many). */
const WAITING = 1_000;
/** µs that 99 of 100 decisions may take at most, by number of servers. */
const TARGETS: readonly (readonly [servers: number, us: number])[] = [
  [20, 50],
  [200, 100],
  [10_000, 150],
];
/** Steps before anything counts: V8 compiles. */
const WARM_UP = 1_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    strategy: { type: 'string', default: 'hybrid' },
    steps: { type: 'string', default: '4000' },
    scene: { type: 'string' },
    cpu: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;

const cell = (times: number[]): string => {
  times.sort((a, b) => a - b);
  const text = [0.5, 0.99].map((q) => quantile(times, q).toFixed(1)).join(' / ');
  return text.padEnd(18);
};

const targetOf = (servers: number): number => TARGETS.find(([most]) => servers <= most)?.[1] ?? NaN;

const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const now = values.cpu ? cpuUs : (): number => performance.now() * 1000;

const runtime = import.meta.filename.endsWith('.ts') ? 'tsx' : 'compiled';
console.log(
  `µs, p50 / p99 of ${steps} steps; ${values.strategy}, ${runtime}${values.cpu ? ', CPU time' : ''}, Node ${process.version}\n`,
);
const heads = ['ask', 'release', 'arrival', 'look'].map((name) => name.padEnd(18)).join('');
console.log(`${'servers'.padEnd(10)}${'scene'.padEnd(8)}${heads}asks per step   target (ask p99)`);
for (const servers of positionals.length > 0 ? positionals.map(Number) : TARGETS.map(([most]) => most)) {
  for (const scene of values.scene === undefined ? ['half', 'full'] : [values.scene]) {
    const pool = new DecisionPool(servers, createStrategy(values.strategy), scene === 'full' ? 1 : 0.5, now);
    pool.fillQueue(WAITING, scene === 'half');
    for (let i = 0; i < Math.min(WARM_UP, steps); i++) {
      pool.step();
      pool.fillQueue(WAITING, scene === 'half');
    }
    pool.asks.length = 0;
    let asked = 0;
    const release: number[] = [];
    const arrival: number[] = [];
    const look: number[] = [];
    for (let i = 0; i < steps; i++) {
      pool.fillQueue(WAITING, scene === 'half');
      pool.asks.length = asked;
      const times = pool.step();
      asked = pool.asks.length;
      release.push(times.release);
      arrival.push(times.arrival);
      if (times.look !== undefined) look.push(times.look);
    }
    const asks = (pool.asks.length / steps).toFixed(1);
    const ask = cell(pool.asks);
    const target = targetOf(servers);
    const met = quantile(pool.asks, 0.99) <= target ? 'met' : 'MISSED';
    const row = `${ask}${cell(release)}${cell(arrival)}${cell(look)}${asks.padEnd(16)}${target} ${met}`;
    console.log(`${String(servers).padEnd(10)}${scene.padEnd(8)}${row}   (${pool.running} run, ${pool.waiting} wait)`);
  }
}
