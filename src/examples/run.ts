import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run as roundRobin } from './01-round-robin.ts';
import { run as performanceBased } from './02-performance-based.ts';
import { run as affinity } from './03-affinity.ts';
import { run as circuitBreaker } from './04-circuit-breaker.ts';
import { run as hybrid } from './05-hybrid.ts';
import { run as dynamicStrategySwitching } from './06-dynamic-strategy-switching.ts';
import { run as categorization } from './07-categorization.ts';
import { run as metricsAnalysis } from './08-metrics-analysis.ts';
import type { Print } from './support.ts';

interface Example {
  readonly name: string;
  readonly shows: string;
  readonly run: (print: Print) => Promise<unknown>;
}

/** In the order of their numbers. */
export const EXAMPLES: readonly Example[] = [
  { name: 'round-robin', shows: 'turns in exact proportion to weights', run: roundRobin },
  { name: 'performance-based', shows: 'the soonest good answer, learned from results', run: performanceBased },
  { name: 'affinity', shows: 'each category finds the model that does it best', run: affinity },
  { name: 'circuit-breaker', shows: 'a model breaks, is left alone and comes back', run: circuitBreaker },
  { name: 'hybrid', shows: 'the default: load, speed, reliability and category together', run: hybrid },
  { name: 'dynamic-strategy-switching', shows: 'another strategy at run time', run: dynamicStrategySwitching },
  { name: 'categorization', shows: 'what a prompt asks for, and detectors of your own', run: categorization },
  { name: 'metrics-analysis', shows: 'reading, saving and resetting metrics', run: metricsAnalysis },
];

const list = (): string => EXAMPLES.map(({ name, shows }, i) => `  ${i + 1}  ${name.padEnd(28)}${shows}`).join('\n');

const HELP = `Runs the examples of the library: all of them, or those named.

usage: node dist/examples/run.js [--help] [NUMBER|NAME]…

${list()}

They use models that only pretend, an injected clock and a fixed seed: no server is needed, and every run is the same.`;

/** An example by `4`, `04`, `circuit-breaker` or `04-circuit-breaker`. */
const find = (word: string): number => EXAMPLES.findIndex(({ name }, i) => namesOf(name, i + 1).includes(word));
const namesOf = (name: string, number: number): readonly string[] => {
  const padded = String(number).padStart(2, '0');
  return [String(number), padded, name, `${padded}-${name}`];
};

/** The command: returns its exit code, 0 or 2 for an example that does not exist. */
export const main = async (args: readonly string[], print: Print, complain: Print): Promise<number> => {
  if (args.includes('--help') || args.includes('-h')) {
    print(HELP);
    return 0;
  }
  const unknown = args.filter((word) => find(word) < 0);
  if (unknown.length > 0) {
    complain(`no example ${unknown.map((word) => JSON.stringify(word)).join(', ')}; there are:\n\n${list()}`);
    return 2;
  }
  const chosen = args.length > 0 ? args.map(find) : EXAMPLES.keys();
  for (const index of chosen) {
    const example = EXAMPLES[index];
    if (example === undefined) continue;
    print(`── ${index + 1}. ${example.name}: ${example.shows} ──\n`);
    await example.run(print);
    print('');
  }
  return 0;
};

const [, script] = process.argv;
if (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)) {
  // `| head` closes the pipe early, which is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  const err = (line: string): void => void process.stderr.write(`${line}\n`);
  process.exitCode = await main(process.argv.slice(2), out, err);
}
