/**
 * What the proxy costs on the wire, beside the direct way, a bare relay and nginx:
 *
 *   npx tsx bench/wire/run.ts [--rounds N] [--quick] [--json FILE]
 *
 * See bench/README.md for what each number means.
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CASES, memoryPerStream, type Sample, type Scale } from './cases.ts';
import { choosePinning, firstUrl, killAll, startScript, stop, type Pinning } from './processes.ts';
import { summarise, table } from './report.ts';
import { nginxVersion, startTarget, type Target, type TargetName } from './targets.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const ENDLESS = Number.MAX_SAFE_INTEGER;
const FULL: Scale = { loopMs: 1_500, loopRequests: ENDLESS, waves: 2, openStreams: 2_000 };
const QUICK: Scale = { ...FULL, loopMs: 500, waves: 1 };
/** Before the first round, by count: code is compiled after so many calls, however slow the machine is. */
const WARM_UP: Scale = { ...FULL, loopMs: 10_000, loopRequests: 2_000, waves: 1 };

/** ms after the start at which nothing more begins: on a busy machine there are fewer rounds, not longer runs. */
interface Budget {
  readonly roundsMs: number;
  readonly memoryMs: number;
}
const FULL_BUDGET: Budget = { roundsMs: 140_000, memoryMs: 170_000 };
const QUICK_BUDGET: Budget = { roundsMs: 24_000, memoryMs: 32_000 };

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
  readonly rounds: number;
  readonly memoryRounds: number;
  readonly scale: Scale;
  readonly budget: Budget;
  readonly json: string | undefined;
}

const readOptions = (): Options => {
  const { values } = parseArgs({
    options: { rounds: { type: 'string' }, quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  });
  const { quick, json } = values;
  const rounds = values.rounds === undefined ? (quick ? 2 : 5) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: give a whole number from 1`);
  const memoryRounds = quick ? 1 : Math.min(rounds, 2);
  return { rounds, memoryRounds, scale: quick ? QUICK : FULL, budget: quick ? QUICK_BUDGET : FULL_BUDGET, json };
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
  const names: TargetName[] = ['direct', 'proxy', 'relay'];
  if (nginx !== undefined) names.push('nginx');
  const tools = `Node ${process.version}, ${nginx ?? 'nginx left out: it is not installed'}`;
  const pinned =
    pinning.proxy === undefined
      ? 'nothing is pinned to a core: that takes taskset and two cores'
      : `each proxy alone on core ${pinning.proxy}, load and backend on ${pinning.rest}`;
  return { names, pinning, about: `${tools}, ${cpus()[0]?.model ?? 'unknown CPU'}\n${pinned}` };
};

/** What a run works with, and where its numbers go. */
class Run {
  readonly samples: Sample[] = [];
  readonly #options: Options;
  readonly #setup: Setup;
  readonly #folder: string;
  readonly #backend: string;
  readonly #load: ChildProcess;

  constructor(options: Options, setup: Setup, folder: string, backend: string, load: ChildProcess) {
    this.#options = options;
    this.#setup = setup;
    this.#folder = folder;
    this.#backend = backend;
    this.#load = load;
  }

  /** Every case on every target, interleaved. @returns the rounds that fitted into the time */
  async rounds(): Promise<number> {
    const { rounds, scale, budget } = this.#options;
    const targets: Target[] = [];
    for (const name of this.#setup.names) targets.push(await this.#start(name));
    for (const target of targets) for (const each of CASES) await each.run(this.#load, target, WARM_UP);
    let round = 0;
    let took = 0;
    while (round < rounds && (round === 0 || performance.now() + took < budget.roundsMs)) {
      const from = performance.now();
      for (const each of CASES) {
        for (const target of rotated(targets, round)) {
          this.#note(target, round, await each.run(this.#load, target, scale));
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
    const { memoryRounds, scale, budget } = this.#options;
    let took = 0;
    for (let round = 0; round < memoryRounds; round++) {
      if (performance.now() + took > budget.memoryMs) {
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

  #note(target: Target, round: number, values: Readonly<Record<string, number>>): void {
    for (const [measure, value] of Object.entries(values)) {
      this.samples.push({ measure, target: target.name, round, value });
    }
  }
}

const main = async (folder: string): Promise<void> => {
  const options = readOptions();
  const setup = lookAround();
  build();
  console.error(setup.about);
  const backend = await firstUrl(startScript('backend.ts', [], setup.pinning.rest), 'the fake backend');
  const load = startScript('load.ts', [], setup.pinning.rest);
  const run = new Run(options, setup, folder, backend, load);
  const rounds = await run.rounds();
  await run.memory();

  const rows = summarise(run.samples, setup.names);
  const about = `${setup.about}\nmedian of ${rounds} rounds (memory: up to ${options.memoryRounds}), then lowest and highest`;
  console.log(`${about}\n${table(rows)}`);
  if (options.json === undefined) return;
  const result = { at: new Date().toISOString(), about, rows, samples: run.samples };
  writeFileSync(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
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
