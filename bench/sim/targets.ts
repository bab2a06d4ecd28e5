/**
 * Every figure that the project promised itself, beside its target. For one that is missed, what it would be if one kind
 * of fact were told instead of learned. `--help` lists the options. The table goes to stdout, progress to stderr.
 */
import { parseArgs } from 'node:util';
import { sceneBounds, type CellResult, type Scene } from './cell.ts';
import { whole } from './options.ts';
import { ALL_TOLD } from './oracle.ts';
import { runProgram } from './program.ts';
import { aligned, boundsLine } from './report.ts';
import { mean } from './statistics.ts';
import { FIGURES, isMet, type Figure, type Wanted } from './target-figures.ts';
import type { Workers } from './workers.ts';

const SEEDS = 5;
const REQUESTS = 10_000;
const QUICK_SEEDS = 3;
const QUICK_REQUESTS = 3000;
/** Faults and floods come from the fifth minute on and last up to fifteen. */
const QUICK_TIMED_REQUESTS = 4000;

const USAGE = `npx tsx bench/sim/targets.ts
  --quick       ${QUICK_SEEDS} seeds and ${QUICK_REQUESTS} requests instead of ${SEEDS} and ${REQUESTS}
  --seeds N
  --untold      do not tell the slots
  --no-ablation leaves out what a missed figure would be with facts that are told`;

const SCENE: Scene = {
  preset: 'science',
  variants: [],
  fleet: undefined,
  rate: undefined,
  slots: undefined,
  reuse: undefined,
  faults: 'none',
  requests: REQUESTS,
  retry: true,
  tellSlots: true,
};

interface Size {
  readonly seeds: number;
  readonly quick: boolean;
  readonly tellSlots: boolean;
}

/** Runs each scene, policy and seed once, however many figures read it. */
class Runs {
  readonly #workers: Workers;
  readonly #size: Size;
  readonly #known = new Map<string, Promise<CellResult>>();

  constructor(workers: Workers, size: Size) {
    this.#workers = workers;
    this.#size = size;
  }

  /** The figure once per seed. */
  async valuesOf(figure: Figure, policyFor = (policy: string): string => policy): Promise<readonly number[]> {
    const seeds = Array.from({ length: this.#size.seeds }, (_, index) => index + 1);
    return Promise.all(
      seeds.map(async (seed) =>
        figure.of(
          await Promise.all(
            figure.runs.map(async (wanted) => this.#run({ ...wanted, policy: policyFor(wanted.policy) }, seed)),
          ),
        ),
      ),
    );
  }

  #run({ scene, policy, timed = false }: Wanted, seed: number): Promise<CellResult> {
    const { quick, tellSlots } = this.#size;
    const requests = quick ? (timed ? QUICK_TIMED_REQUESTS : QUICK_REQUESTS) : REQUESTS;
    const cell = { ...SCENE, ...scene, tellSlots, requests, policy, seed };
    const key = JSON.stringify(cell);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const result = this.#workers.run(cell);
    this.#known.set(key, result);
    return result;
  }
}

const targetText = ({ target, show }: Figure): string =>
  'atMost' in target ? `≤ ${show(target.atMost)}` : `≥ ${show(target.atLeast)}`;

const spreadText = (values: readonly number[], { show }: Figure): readonly string[] => {
  const average = mean(values);
  const deviation =
    values.length < 2
      ? 0
      : Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1));
  return [`${show(average)} ± ${show(deviation)}`, `${show(Math.min(...values))}–${show(Math.max(...values))}`];
};

/** The router with one kind of fact told; others stay who they are. */
const toldOne = (fact: string) => (policy: string) => (policy === 'ours' ? `ours-told-${fact}` : policy);

/** What a missed figure would be; '' where the run has no such variant. */
const ablationOf = async (runs: Runs, figure: Figure): Promise<string> => {
  if (!figure.runs.some(({ policy }) => policy === 'ours')) return '';
  const means = await Promise.all(ALL_TOLD.map(async (fact) => mean(await runs.valuesOf(figure, toldOne(fact)))));
  return `told ${ALL_TOLD.map((fact, index) => `${fact} ${figure.show(means[index] ?? Number.NaN)}`).join(', ')}`;
};

await runProgram(USAGE, async (workers) => {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      quick: { type: 'boolean', default: false },
      seeds: { type: 'string' },
      untold: { type: 'boolean', default: false },
      'no-ablation': { type: 'boolean', default: false },
    },
  });
  const seeds = whole('seeds', values.seeds) ?? (values.quick ? QUICK_SEEDS : SEEDS);
  const runs = new Runs(workers, { seeds, quick: values.quick, tellSlots: !values.untold });
  const measured = await Promise.all(FIGURES.map(async (figure) => runs.valuesOf(figure)));
  const met = FIGURES.map(({ target }, index) => isMet(target, mean(measured[index] ?? [])));
  const why = await Promise.all(
    FIGURES.map(async (figure, index) =>
      met[index] === true || values['no-ablation'] ? '' : ablationOf(runs, figure),
    ),
  );
  const rows = FIGURES.map((figure, index) => [
    figure.title,
    targetText(figure),
    ...spreadText(measured[index] ?? [], figure),
    met[index] === true ? 'met' : 'MISSED',
  ]);
  const table = aligned([['figure', 'target', 'mean ± s.d.', 'least–most', ''], ...rows]).split('\n');
  const lines = table.map((line, index) => `${line}${(why[index - 1] ?? '') === '' ? '' : `  ${why[index - 1]}`}`);
  const scene = { ...SCENE, requests: values.quick ? QUICK_REQUESTS : REQUESTS };
  console.log(
    `\nscience on twenty servers, ${scene.requests} requests, ${seeds} seeds, slots ${values.untold ? 'not ' : ''}told\n\n` +
      `${lines.join('\n')}\n\n${met.filter((each) => each).length} of ${met.length} met. ${boundsLine(sceneBounds(scene, 1))}`,
  );
});
