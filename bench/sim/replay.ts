/**
 * Plays a recording of real traffic (docs/trace.md) on a simulated pool through any policies: what would another policy,
 * another pool or more traffic have made of it? `--help` lists the options. Tables go to stdout, progress to stderr.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { sceneBounds, type CellResult, type Scene } from './cell.ts';
import { faultPlan, FAULTS } from './faults.ts';
import { readFleetFile } from './fleet-file.ts';
import { FLEET_NAMES } from './fleets.ts';
import { list, positive, reuseOf, whole } from './options.ts';
import { POLICIES, policyOf } from './policies.ts';
import { plainResults, runProgram } from './program.ts';
import { recordedWorkload } from './recorded.ts';
import { boundsLine, intervalTable, LEGEND, mainTable } from './report.ts';

const USAGE = `npx tsx bench/sim/replay.ts TRACE
  --fleet F        ${FLEET_NAMES.join(', ')}, or a file that describes one   (default twenty)
  --policies a,b   ${Object.keys(POLICIES).join(', ')}   (default least-connections,warm-spill,ours)
  --speed X        play it X times faster   (default 1)
  --faults F       ${Object.keys(FAULTS).join(', ')}
  --seeds N        chances of ties, jitter and faults   (default 3)
  --slots N        slots of every server       --untold   do not tell the policies the slots
  --reuse R        many, one-per-slot, one-per-model
  --retry          baselines try a failed request once more
  --json FILE      every single result`;

/** Enough to see what is chance. */
const DEFAULT_SEEDS = 3;
const DEFAULT_POLICIES = ['least-connections', 'warm-spill', 'ours'];

interface ReplayOptions {
  readonly scene: Scene;
  readonly policies: readonly string[];
  readonly seeds: number;
  readonly json: string | undefined;
}

const readArguments = (args: readonly string[]): ReplayOptions => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      fleet: { type: 'string', default: 'twenty' },
      policies: { type: 'string' },
      speed: { type: 'string' },
      faults: { type: 'string', default: 'none' },
      seeds: { type: 'string' },
      slots: { type: 'string' },
      untold: { type: 'boolean', default: false },
      reuse: { type: 'string' },
      retry: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) throw new Error('give one recording, as `trace` of the proxy writes it');
  const policies = list(values.policies) ?? DEFAULT_POLICIES;
  for (const policy of policies) policyOf(policy);
  faultPlan(values.faults, []);
  const file = FLEET_NAMES.includes(values.fleet) ? undefined : readFleetFile(values.fleet);
  const recording = {
    path,
    speed: positive('speed', values.speed) ?? 1,
    modelBytes: file?.modelBytes ?? {},
    contextTokens: file?.contextTokens,
  };
  return {
    scene: {
      preset: path,
      variants: [],
      fleet: file?.plan ?? values.fleet,
      rate: undefined,
      slots: whole('slots', values.slots),
      reuse: reuseOf(values.reuse),
      faults: values.faults,
      requests: recordedWorkload(recording).workload.size,
      retry: values.retry,
      tellSlots: !values.untold,
      recording,
    },
    policies,
    seeds: whole('seeds', values.seeds) ?? DEFAULT_SEEDS,
    json: values.json,
  };
};

const summary = ({ recording }: Scene): string => {
  if (recording === undefined) return '';
  const { workload, perSecond, leftOut } = recordedWorkload(recording);
  const models = workload.models.map(({ name, size }) => `${name} (${(size / 1e9).toFixed(1)} GB)`).join(', ');
  const without = leftOut === 0 ? '' : `, without ${leftOut} that were the client's own mistakes`;
  return `${recording.path}: ${workload.size} requests${without}, ${perSecond.toFixed(2)} a second\n${models}`;
};

await runProgram(USAGE, async (workers) => {
  const { scene, policies, seeds, json } = readArguments(process.argv.slice(2));
  const results: readonly (readonly CellResult[])[] = await Promise.all(
    policies.map(async (policy) =>
      Promise.all(
        Array.from({ length: seeds }, async (_, index) => workers.run({ ...scene, policy, seed: index + 1 })),
      ),
    ),
  );
  const rows = policies.map((policy, index) => ({
    policy,
    metrics: (results[index] ?? []).map(({ metrics }) => metrics),
  }));
  console.log(`\n${summary(scene)}\n\n${mainTable(rows)}`);
  if (seeds > 1) console.log(`\n95 % intervals over the seeds\n${intervalTable(rows)}`);
  console.log(`\n${boundsLine(sceneBounds(scene, 1))}\n\n${LEGEND}`);
  if (json !== undefined) writeFileSync(json, plainResults(results.flat()));
});
