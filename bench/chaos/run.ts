/**
 * Everything that can happen to a pool, at random and by a seed, while a checker looks on:
 *
 *   npx tsx bench/chaos/run.ts [--help]
 *
 * See docs/chaos.md.
 */
import { availableParallelism } from 'node:os';
import { positive, whole } from '../sim/options.ts';
import { parseArgs } from 'node:util';
import { inProcess } from './front.ts';
import { socketChaos } from './sockets.ts';
import { socketTable, Totals } from './totals.ts';
import { playMany, REQUESTS_PER_SEED, storyOf } from './virtual.ts';
import { chaos } from './world.ts';

const USAGE = `npm run bench:chaos -- [options]
  --requests N   requests in all, in virtual time (default 100000); with --seed: of this seed (default ${REQUESTS_PER_SEED})
  --seed N       this one seed, in this process, checked to go the same way twice
  --from N       the first of many seeds (default 1)
  --processes N  (default: one per core)
  --sockets      the same over real sockets, in real time
  --minutes M    for how long, with --sockets (default 2)`;

const DEFAULT_REQUESTS = 100_000;
const MINUTES = 2;
const SERVERS = 6;
const MOST_OPEN = 100;

const one = async (seed: number, requests: number): Promise<boolean> => {
  const first = await chaos({ seed, requests, exact: true });
  const totals = new Totals();
  totals.add(first);
  console.log(totals.table());
  if (first.broken !== undefined) {
    console.log(`\n${storyOf(first, requests)}`);
    return false;
  }
  const second = await chaos({ seed, requests, exact: true });
  if (second.digest === first.digest) return true;
  console.log(`\nseed ${seed} went another way the second time: chance or time come from somewhere else`);
  return false;
};

const many = async (requests: number, firstSeed: number, processes: number): Promise<boolean> => {
  const progress = (line: string): void => console.error(line);
  const { totals, broken } = await playMany({ requests, firstSeed, processes, progress });
  console.log(totals.table());
  for (const result of broken) console.log(`\n${storyOf(result, REQUESTS_PER_SEED)}`);
  console.log(broken.length === 0 ? '\nevery promise held' : '\nbroken');
  return broken.length === 0;
};

const sockets = async (minutes: number, seed: number): Promise<boolean> => {
  const from = performance.now();
  const result = await socketChaos({
    seed,
    durationMs: minutes * 60_000,
    servers: SERVERS,
    calmMs: 700,
    gapMs: 15,
    mostOpen: MOST_OPEN,
    front: inProcess(seed),
    note: (text) => console.error(`${((performance.now() - from) / 1_000).toFixed(1)} s: ${text}`),
  });
  console.log(socketTable(result));
  for (const wrong of result.wrong) console.log(`\n${wrong}`);
  console.log(result.wrong.length === 0 ? '\nevery promise held' : '\nbroken');
  return result.wrong.length === 0;
};

const main = async (): Promise<boolean> => {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      requests: { type: 'string' },
      seed: { type: 'string' },
      from: { type: 'string' },
      processes: { type: 'string' },
      sockets: { type: 'boolean', default: false },
      minutes: { type: 'string' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  if (values.sockets) return sockets(positive('minutes', values.minutes) ?? MINUTES, whole('seed', values.seed) ?? 1);
  const requests = whole('requests', values.requests);
  const seed = whole('seed', values.seed);
  if (seed !== undefined) return one(seed, requests ?? REQUESTS_PER_SEED);
  const processes = whole('processes', values.processes) ?? availableParallelism();
  return many(requests ?? DEFAULT_REQUESTS, whole('from', values.from) ?? 1, processes);
};

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  console.error(`bench/chaos failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
