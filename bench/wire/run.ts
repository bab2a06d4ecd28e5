/**
 * What the proxy costs on the wire, beside the direct way, a bare relay, nginx and HAProxy:
 *
 *   npx tsx bench/wire/run.ts [--rounds N] [--quick] [--patient] [--json FILE] [--svg FILE]
 *
 * See bench/README.md for what each number means.
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CASES, FEATURE_CASES, memoryPerStream, type Case, type Sample, type Scale } from './cases.ts';
import { plot } from './plot.ts';
import { choosePinning, firstUrl, killAll, startScript, stop, type Pinning } from './processes.ts';
import { featureTable, summarise, table } from './report.ts';
import { haproxyVersion, nginxVersion, startTarget, VARIANTS, type Target, type TargetName } from './targets.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const ENDLESS = Number.MAX_SAFE_INTEGER;
const MIB = 1024 * 1024;
interface Mode {
  /** Before the first round, not counted: connections are opened, code is compiled. */
  readonly warmUp: Scale;
  readonly scale: Scale;
  readonly rounds: number;
  readonly memoryRounds: number;
  /** ms after the start at which no more rounds begin: a busy machine gets fewer rounds, not a longer run. */
  readonly roundsEndMs: number;
  readonly featuresEndMs: number;
  readonly memoryEndMs: number;
}

const FULL: Mode = {
  warmUp: { loopMs: 3_000, loopRequests: 3_000, waves: 1, openStreams: 0, fileBytes: MIB },
  scale: { loopMs: 1_200, loopRequests: ENDLESS, waves: 2, openStreams: 2_000, fileBytes: 1_024 * MIB },
  rounds: 5,
  memoryRounds: 2,
  roundsEndMs: 240_000,
  featuresEndMs: 290_000,
  memoryEndMs: 330_000,
};
const QUICK: Mode = {
  warmUp: { loopMs: 1_000, loopRequests: 1_000, waves: 1, openStreams: 0, fileBytes: MIB },
  scale: { loopMs: 400, loopRequests: ENDLESS, waves: 1, openStreams: 2_000, fileBytes: 32 * MIB },
  rounds: 2,
  memoryRounds: 1,
  roundsEndMs: 40_000,
  featuresEndMs: 50_000,
  memoryEndMs: 60_000,
};

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

/** The targets in another order each round, so that none always follows the same one. */
const rotated = <T>(items: readonly T[], by: number): readonly T[] => {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
};

interface Options {
  readonly mode: Mode;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

const readOptions = (): Options => {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      patient: { type: 'boolean', default: false },
      json: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  const mode = values.quick ? QUICK : FULL;
  const rounds = Number(values.rounds ?? mode.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: give a whole number from 1`);
  // A busy machine gets fewer rounds, not a longer run, unless somebody has the time.
  const ends = values.patient ? { roundsEndMs: Infinity, featuresEndMs: Infinity, memoryEndMs: Infinity } : {};
  return { mode: { ...mode, ...ends, rounds }, json: values.json, svg: values.svg };
};

/** The ways to compare on this machine, and where they run. */
interface Setup {
  readonly names: readonly TargetName[];
  readonly pinning: Pinning;
  readonly about: string;
}

const lookAround = (): Setup => {
  const nginx = nginxVersion();
  const pinning = choosePinning();
  const haproxy = haproxyVersion();
  const names: TargetName[] = ['direct', 'proxy', 'relay'];
  if (nginx !== undefined) names.push('nginx');
  if (haproxy !== undefined) names.push('haproxy');
  const left = (tool: string): string => `${tool} left out: it is not installed`;
  const tools = `Node ${process.version}, ${nginx ?? left('nginx')}, ${haproxy ?? left('HAProxy')}`;
  const pinned =
    pinning.proxy === undefined
      ? 'nothing is pinned to a core: that takes taskset and two cores'
      : `each proxy alone on core ${pinning.proxy}, load and backend on ${pinning.rest}`;
  const [load = 0] = loadavg();
  const busy = load > cpus().length / 4 ? ': busy with other things, so take the numbers with care' : '';
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, load average ${load.toFixed(1)}${busy}`;
  return { names, pinning, about: `${tools}\n${machine}\n${pinned}` };
};

/** What a run works with, and where its numbers go. */
class Run {
  readonly samples: Sample[] = [];
  readonly #mode: Mode;
  readonly #setup: Setup;
  readonly #folder: string;
  readonly #backend: string;
  readonly #load: ChildProcess;

  constructor(mode: Mode, setup: Setup, folder: string, backend: string, load: ChildProcess) {
    this.#mode = mode;
    this.#setup = setup;
    this.#folder = folder;
    this.#backend = backend;
    this.#load = load;
  }

  /** Every case on every target, interleaved. @returns the rounds that fitted into the time */
  rounds(): Promise<number> {
    return this.#interleaved(this.#setup.names, CASES, this.#mode.roundsEndMs, '');
  }

  /** The proxy as it ships beside itself with one thing less. @returns the rounds that fitted into the time */
  features(): Promise<number> {
    const names: TargetName[] = ['proxy', ...(Object.keys(VARIANTS) as (keyof typeof VARIANTS)[])];
    return this.#interleaved(names, FEATURE_CASES, this.#mode.featuresEndMs, 'feature.');
  }

  async #interleaved(
    names: readonly TargetName[],
    cases: readonly Case[],
    endMs: number,
    prefix: string,
  ): Promise<number> {
    const { warmUp, scale, rounds } = this.#mode;
    const targets: Target[] = [];
    for (const name of names) targets.push(await this.#start(name));
    for (const target of targets) for (const each of cases) await each.run(this.#load, target, warmUp);
    let round = 0;
    let took = 0;
    while (round < rounds && (round === 0 || performance.now() + took < endMs)) {
      const from = performance.now();
      for (const each of cases) {
        for (const target of rotated(targets, round)) {
          this.#note(target, round, await each.run(this.#load, target, scale), prefix);
        }
      }
      took = performance.now() - from;
      round++;
      console.error(`round ${round} of ${rounds} took ${(took / 1000).toFixed(1)} s`);
    }
    for (const { process: child } of targets) if (child !== undefined) await stop(child);
    return round;
  }

  /** Memory that a process has used before is used again unseen, so this takes a fresh process each time. */
  async memory(): Promise<void> {
    const { scale, memoryRounds, memoryEndMs } = this.#mode;
    let took = 0;
    for (let round = 0; round < memoryRounds; round++) {
      if (performance.now() + took > memoryEndMs) {
        console.error(`memory left out from round ${round + 1} on: no time left`);
        return;
      }
      const from = performance.now();
      for (const name of this.#setup.names.filter((each) => each !== 'direct')) {
        const target = await this.#start(name);
        this.#note(target, round, await memoryPerStream(this.#load, target, this.#backend, scale));
        if (target.process !== undefined) await stop(target.process);
      }
      took = performance.now() - from;
    }
  }

  #start(name: TargetName): Promise<Target> {
    return startTarget(name, this.#backend, this.#folder, this.#setup.pinning.proxy);
  }

  #note(target: Target, round: number, values: Readonly<Record<string, number>>, prefix = ''): void {
    for (const [measure, value] of Object.entries(values)) {
      this.samples.push({ measure: prefix + measure, target: target.name, round, value });
    }
  }
}

const main = async (folder: string): Promise<void> => {
  const { mode, json, svg } = readOptions();
  const setup = lookAround();
  build();
  console.error(setup.about);
  const backend = await firstUrl(startScript('backend.ts', [], setup.pinning.rest), 'the fake backend');
  const load = startScript('load.ts', [], setup.pinning.rest);
  const run = new Run(mode, setup, folder, backend, load);
  const rounds = await run.rounds();
  await run.features();
  await run.memory();

  const rows = summarise(run.samples, setup.names);
  const about = `${setup.about}\nmedian of ${rounds} rounds (memory: up to ${mode.memoryRounds}), then lowest and highest`;
  const features = featureTable(run.samples);
  console.log(`${about}\n${table(rows)}\n${features}`);
  if (svg !== undefined) writeFileSync(svg, plot(rows));
  if (json === undefined) return;
  const result = { at: new Date().toISOString(), about, rows, samples: run.samples };
  writeFileSync(json, `${JSON.stringify(result, undefined, 2)}\n`);
};

const folder = mkdtempSync(join(tmpdir(), 'bench-wire-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(folder);
} catch (error) {
  console.error(`bench:wire failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  killAll();
}
