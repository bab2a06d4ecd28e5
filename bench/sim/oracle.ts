import type { RunnerShape } from '../../src/core/demand.ts';
import { ForeignTraffic } from '../../src/facts/foreign.ts';
import { HostFacts } from '../../src/facts/host.ts';
import { LearnedLengths, PromptRatio } from '../../src/facts/lengths.ts';
import type { FactsParts } from '../../src/facts/parts.ts';
import { LearnedMemory, Prefixes } from '../../src/facts/prefix-index.ts';
import { MarkTable } from '../../src/facts/prefix-marks.ts';
import { TrustTable } from '../../src/facts/prefix-trust.ts';
import { LearnedResidency } from '../../src/facts/residency.ts';
import { RunnerFacts } from '../../src/facts/runner.ts';
import { LearnedSpeeds } from '../../src/facts/runner-speeds.ts';
import { HostSlots } from '../../src/facts/slots.ts';
import { HostSpeeds, PoolSpeeds } from '../../src/facts/speeds.ts';
import type { ResidentModel } from '../../src/facts/types.ts';
import { loadMs, decodeMsPerToken, prefillMsPerToken } from '../../src/sim/model/profile.ts';
import type { Machine } from '../../src/sim/model/machine.ts';
import type { SimModel } from '../../src/sim/model/models.ts';
import { totalTokens } from '../../src/sim/model/prompt.ts';
import { residentBytes, type ServerSpec } from './fleets.ts';
import type { WorldView } from './policy.ts';
import { BYTES_PER_TOKEN, type SimJob, type SimTurn } from './workload.ts';

/** Which facts are told instead of learned. */
export type Told = 'speeds' | 'residency' | 'prefixes' | 'lengths';
export const ALL_TOLD: readonly Told[] = ['speeds', 'residency', 'prefixes', 'lengths'];

/** What is asked for at this moment: the truth about prompts and answers depends on it. */
export interface Asked {
  job: SimJob | undefined;
}

/** Facts that read the simulated machines instead of learning: the difference to a learned run is what learning costs. */
export const toldParts = (world: WorldView, asked: Asked, told: ReadonlySet<Told>): FactsParts => {
  const prefixes = new Prefixes();
  const pool = new PoolSpeeds();
  const { truth } = world;
  const modelOf = (spec: ServerSpec, name: string): SimModel => {
    const model = spec.models.find((each) => each.name === name);
    if (model === undefined) throw new Error(`server ${spec.id} does not have ${name}`);
    return model;
  };
  return {
    prefixes,
    lengths: told.has('lengths') ? new ToldLengths(world, asked) : new LearnedLengths(),
    ratios: told.has('lengths') ? new ToldRatio(world, asked) : new PromptRatio(),
    host: (id) => {
      const spec = truth.server(id);
      return new HostFacts(
        id,
        told.has('speeds') ? new ToldHostSpeeds(pool, spec) : pool.host(),
        new HostSlots('auto'),
        told.has('residency') ? new ToldResidency(truth.machine(id), spec) : new LearnedResidency(),
        new ForeignTraffic(),
      );
    },
    runner: (host, name, sizeBytes) => {
      const spec = truth.server(host.id);
      const model = modelOf(spec, name);
      return new RunnerFacts(host, name, {
        speeds: told.has('speeds') ? new ToldSpeeds(host.speeds, spec, model) : host.speeds.runner(sizeBytes),
        slots: host.slots.runner(),
        memory: told.has('prefixes')
          ? new ToldMemory(world, asked, truth.machine(host.id), model)
          : prefixes.memory(name),
      });
    },
  };
};

class ToldSpeeds extends LearnedSpeeds {
  readonly #spec: ServerSpec;
  readonly #model: SimModel;

  constructor(host: HostSpeeds, spec: ServerSpec, model: SimModel) {
    super(host, model.size);
    this.#spec = spec;
    this.#model = model;
  }

  override prefillMs(): number {
    return prefillMsPerToken(this.#spec.profile, this.#model.size);
  }

  override decodeMs(): number {
    return decodeMsPerToken(this.#spec.profile, this.#model.size);
  }

  override loadMs(): number {
    return loadMs(this.#spec.profile, this.#model.size);
  }
}

class ToldHostSpeeds extends HostSpeeds {
  readonly #spec: ServerSpec;

  constructor(pool: PoolSpeeds, spec: ServerSpec) {
    super(pool);
    this.#spec = spec;
  }

  override slope(): number {
    return this.#spec.profile.companySlowdown;
  }
}

class ToldLengths extends LearnedLengths {
  readonly #world: WorldView;
  readonly #asked: Asked;

  constructor(world: WorldView, asked: Asked) {
    super();
    this.#world = world;
    this.#asked = asked;
  }

  override expected(app: string, model: string, at: number): number {
    const { job } = this.#asked;
    return job === undefined ? super.expected(app, model, at) : this.#world.truth.turn(job).outputTokens;
  }

  override excess(): number {
    return 0.05;
  }
}

/** Bytes of text that one token of a request counts for. */
const bytesPerToken = ({ demand, segments }: SimTurn): number => {
  const tokens = totalTokens(segments);
  return tokens === 0 || demand.promptBytes === 0 ? BYTES_PER_TOKEN : demand.promptBytes / tokens;
};

class ToldRatio extends PromptRatio {
  readonly #world: WorldView;
  readonly #asked: Asked;

  constructor(world: WorldView, asked: Asked) {
    super();
    this.#world = world;
    this.#asked = asked;
  }

  override tokensPerByte(): number {
    const { job } = this.#asked;
    return 1 / (job === undefined ? BYTES_PER_TOKEN : bytesPerToken(this.#world.truth.turn(job)));
  }
}

class ToldMemory extends LearnedMemory {
  readonly #world: WorldView;
  readonly #asked: Asked;
  readonly #machine: Machine;
  readonly #model: SimModel;

  constructor(world: WorldView, asked: Asked, machine: Machine, model: SimModel) {
    super(new MarkTable(), new Set(), 1, new TrustTable());
    this.#world = world;
    this.#asked = asked;
    this.#machine = machine;
    this.#model = model;
  }

  override get expectedBytes(): number {
    const { job } = this.#asked;
    if (job === undefined) return 0;
    const turn = this.#world.truth.turn(job);
    return this.#machine.remembered(this.#model, turn.segments) * bytesPerToken(turn);
  }
}

class ToldResidency extends LearnedResidency {
  readonly #machine: Machine;
  readonly #spec: ServerSpec;
  #chance = 0;

  constructor(machine: Machine, spec: ServerSpec) {
    super(spec.profile.memoryBytes);
    this.#machine = machine;
    this.#spec = spec;
  }

  override get evictionChance(): number {
    return this.#chance;
  }

  override ready(model: string, shape: RunnerShape): boolean {
    const runner = this.#machine.runners().find((each) => each.model.name === model);
    return runner !== undefined && runner.contextLength === (shape.numCtx ?? this.#spec.contextTokens);
  }

  override victims(
    model: string,
    shape: RunnerShape,
    busy: (model: string) => boolean,
    at: number,
  ): readonly ResidentModel[] {
    const runners = this.#machine.runners();
    const own = runners.find((each) => each.model.name === model);
    const wanted = this.#spec.models.find((each) => each.name === model);
    if (wanted === undefined) return super.victims(model, shape, busy, at);
    const tokens = shape.numCtx ?? this.#spec.contextTokens;
    let used = residentBytes(wanted, this.#spec.slots, tokens);
    for (const each of runners) if (each !== own) used += each.memory;
    const victims: ResidentModel[] = own === undefined ? [] : [asResident(own)];
    const others = runners
      .filter((each) => each !== own)
      .toSorted(
        (a, b) => Number(busy(a.model.name)) - Number(busy(b.model.name)) || (a.model.name < b.model.name ? -1 : 1),
      );
    for (const each of others) {
      if (used <= this.#spec.profile.memoryBytes && runners.length - victims.length < 3) break;
      victims.push(asResident(each));
      used -= each.memory;
    }
    this.#chance = victims.length > 0 ? 1 : 0;
    return victims;
  }
}

const asResident = ({ model, memory, expiresAt }: ReturnType<Machine['runners']>[number]): ResidentModel => ({
  model: model.name,
  sizeBytes: memory,
  expiresAt,
});
