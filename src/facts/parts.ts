import { ForeignTraffic } from './foreign.ts';
import { HostFacts } from './host.ts';
import { LearnedLengths, PromptRatio } from './lengths.ts';
import { Prefixes } from './prefix-index.ts';
import { LearnedResidency } from './residency.ts';
import { RunnerFacts } from './runner.ts';
import { HostSlots } from './slots.ts';
import { PoolSpeeds } from './speeds.ts';

/** What facts are made of: learned estimators, or in a benchmark the truth in their place. */
export interface FactsParts {
  readonly prefixes: Prefixes;
  readonly lengths: LearnedLengths;
  readonly ratios: PromptRatio;
  /** What all hosts have in common; left out where nothing of it is learned. */
  readonly pool?: PoolSpeeds;
  host(id: string): HostFacts;
  runner(host: HostFacts, model: string, sizeBytes: number): RunnerFacts;
}

/** Estimators that know nothing yet and learn from what happens. */
export const createParts = (): FactsParts => {
  const prefixes = new Prefixes();
  const pool = new PoolSpeeds();
  return {
    prefixes,
    pool,
    lengths: new LearnedLengths(),
    ratios: new PromptRatio(),
    host: (id) => new HostFacts(id, pool.host(), new HostSlots('auto'), new LearnedResidency(), new ForeignTraffic()),
    runner: (host, model, sizeBytes) =>
      new RunnerFacts(host, model, {
        speeds: host.speeds.runner(sizeBytes),
        slots: host.slots.runner(),
        memory: prefixes.memory(model),
      }),
  };
};
