/**
 * A slice of the simulator's `storm` over real sockets, beside what the simulator says about it:
 *
 *   npx tsx bench/storm/run.ts [--help]
 *
 * See bench/README.md for what each number means.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { spreadOf } from '../sim/metrics.ts';
import { killAll } from '../wire/processes.ts';
import { nginxVersion } from '../wire/targets.ts';
import type { Contender } from './contenders.ts';
import { figuresOf, pooled, type Sample } from './figures.ts';
import { LOOK_SECONDS, startFront } from './fronts.ts';
import { replay, type WireRecord } from './load.ts';
import { readOptions, USAGE, type Options } from './options.ts';
import { predict } from './predict.ts';
import { judge, rivalry, table, verdicts, type Result } from './report.ts';
import { makeScene, speedUp, type Scene } from './scene.ts';
import { startFleet } from './servers.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
/** How often the simulator is asked, each time with other chances. */
const CHANCES = 8;
/** A run may take so many times what the simulator says, and this on top, before the rest is given up. */
const PATIENCE = 2;
const PATIENCE_MS = 30_000;
/** ms for the processes of one run to come and go. */
const SETUP_MS = 60_000;

const newest = (folder: string): number =>
  Math.max(
    0,
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );

/** Builds when a source is newer than the last build, or there is none. */
const build = (): void => {
  const main = join(ROOT, 'dist/main.js');
  if (existsSync(main) && statSync(main).mtimeMs >= newest(join(ROOT, 'src'))) return;
  console.error('building dist');
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
};

/** One scene under one contender. */
interface Cell {
  readonly contender: Contender;
  readonly seed: number;
  readonly scene: Scene;
  readonly fast: Scene;
  readonly predicted: readonly Sample[];
  readonly lifelike: readonly Sample[];
  /** ms of wall time after which the replay is given up. */
  readonly limitMs: number;
}

interface Measured {
  readonly sample: Sample;
  readonly records: readonly WireRecord[];
}

const planCell = (contender: Contender, seed: number, { rate, sessions, scale, warm }: Options): Cell => {
  const scene = makeScene(rate, sessions, seed);
  const fast = speedUp(scene, scale);
  const chances = Array.from({ length: CHANCES }, (_, index) => index + 1);
  const predictions = chances.map((chance) => predict(contender, fast, { chance, scale, warm }));
  return {
    contender,
    seed,
    scene,
    fast,
    predicted: predictions.map(({ sample }) => sample),
    lifelike: chances.map((chance) => predict(contender, scene, { chance, scale: 1, warm }).sample),
    limitMs: PATIENCE * Math.max(...predictions.map(({ spanMs }) => spanMs)) + PATIENCE_MS,
  };
};

/** Replays one cell with fresh servers. */
const measure = async (cell: Cell, { scale, warm }: Options, folder: string): Promise<Measured> => {
  const { workload, fleet } = cell.fast;
  const servers = await startFleet(fleet, warm);
  try {
    const front = await startFront(cell.contender, { fleet, urls: servers.urls, folder });
    try {
      let before = await servers.done();
      const records = await replay({
        origin: front.origin,
        workload,
        limitMs: cell.limitMs,
        counting: async () => {
          before = await servers.done();
        },
      });
      const after = await servers.done();
      const counted = records.filter((record) => record.counted);
      const sample = {
        // Those that were never sent because time was up have failed too.
        requests: counted.length + workload.size - records.length,
        firstMs: counted.filter(({ failure }) => failure === '').map(({ firstMs }) => scale * firstMs),
        loads: after.loads - before.loads,
        promptTokens: after.promptTokens - before.promptTokens,
        cachedTokens: after.cachedTokens - before.cachedTokens,
      };
      return { sample, records };
    } finally {
      await front.stop();
    }
  } finally {
    await servers.stop();
  }
};

const failuresOf = (records: readonly WireRecord[]): ReadonlyMap<string, number> => {
  const failures = new Map<string, number>();
  for (const { failure } of records) {
    if (failure !== '') failures.set(failure, (failures.get(failure) ?? 0) + 1);
  }
  return failures;
};

/** ms of a whole answer that neither its server nor the proxy's queue accounts for. */
const addedMs = ({ totalMs, serverMs, queueMs }: WireRecord): number => totalMs - serverMs - queueMs;

const resultOf = (name: string, scale: number, cells: readonly Cell[], measured: readonly Measured[]): Result => {
  const records = measured.flatMap((each) => each.records);
  const byChance = (of: (cell: Cell) => readonly Sample[]) =>
    Array.from({ length: CHANCES }, (_, chance) =>
      figuresOf(pooled(cells.flatMap((cell) => of(cell).slice(chance, chance + 1)))),
    );
  const { p50, p95 } = spreadOf(records.map((record) => scale * addedMs(record)));
  const net = records.filter(({ counted }) => counted).map((record) => scale * (record.firstMs - addedMs(record)));
  return {
    name,
    wire: figuresOf(pooled(measured.map(({ sample }) => sample))),
    predicted: byChance(({ predicted }) => predicted),
    lifelike: byChance(({ lifelike }) => lifelike),
    added: { p50, p95 },
    netP50: spreadOf(net).p50,
    failures: failuresOf(records),
  };
};

const about = ({ scale, rate, sessions, seeds, warm }: Options, nginx: string | undefined): string => {
  const [load = 0] = loadavg();
  const busy = load > cpus().length / 4 ? ': busy with other things, so take the numbers with care' : '';
  return [
    `storm: ${sessions} sessions at ${rate} requests/s, ${seeds} seeds, ${scale} × faster than life; times are scaled back`,
    warm ? 'every server has every model in memory from the start' : 'no server has anything in memory at the start',
    `the proxy's own seconds do not scale: it looks at servers every ${LOOK_SECONDS} s of wall time, and the simulator is asked at the same scale`,
    `Node ${process.version}, ${nginx ?? 'nginx left out: it is not installed'}`,
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, load average ${load.toFixed(1)}${busy}`,
  ].join('\n');
};

const main = async (folder: string): Promise<void> => {
  if (process.argv.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const options = readOptions(process.argv.slice(2));
  const nginx = nginxVersion();
  const contenders = options.contenders.filter(({ front }) => front.kind === 'proxy' || nginx !== undefined);
  const seeds = Array.from({ length: options.seeds }, (_, index) => index + 1);
  const plan = contenders.map((contender) => seeds.map((seed) => planCell(contender, seed, options)));
  const limitMs = plan.flat().reduce((sum, cell) => sum + cell.limitMs + SETUP_MS, 0);
  setTimeout(() => {
    console.error(`bench:storm failed: not done after ${(limitMs / 60_000).toFixed(0)} minutes`);
    process.exit(1);
  }, limitMs).unref();
  const head = about(options, nginx);
  console.error(head);
  if (contenders.some(({ front }) => front.kind === 'proxy')) build();
  const results: Result[] = [];
  const runs: { readonly policy: string; readonly seed: number; readonly records: readonly WireRecord[] }[] = [];
  for (const cells of plan) {
    const measured: Measured[] = [];
    for (const cell of cells) {
      const from = performance.now();
      const run = await measure(cell, options, folder);
      measured.push(run);
      runs.push({ policy: cell.contender.name, seed: cell.seed, records: run.records });
      const took = ((performance.now() - from) / 1000).toFixed(0);
      console.error(`${cell.contender.name}, seed ${cell.seed}: ${run.records.length} requests in ${took} s`);
    }
    const [first] = cells;
    if (first !== undefined) results.push(resultOf(first.contender.name, options.scale, cells, measured));
  }
  console.log([head, table(results), verdicts(results), rivalry(results)].join('\n\n').trimEnd());
  if (options.json === undefined) return;
  const plain = results.map((result) => ({
    ...result,
    failures: Object.fromEntries(result.failures),
    judgement: judge(result),
  }));
  writeFileSync(
    options.json,
    `${JSON.stringify({ at: new Date().toISOString(), about: head, results: plain, runs })}\n`,
  );
};

const folder = mkdtempSync(join(tmpdir(), 'bench-storm-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(folder);
} catch (error) {
  console.error(`bench:storm failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  killAll();
}
