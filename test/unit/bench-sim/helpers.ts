import type { Fleet, ServerSpec } from '../../../bench/sim/fleets.ts';
import type { AttemptEnd, ResidentView, SimPolicy, WorldView } from '../../../bench/sim/policy.ts';
import type { Session, SimJob, TurnPlan, Workload } from '../../../bench/sim/workload.ts';
import { benchModel } from '../../../bench/sim/workloads.ts';
import type { MachineProfile } from '../../../src/sim/model/profile.ts';

/** A token read takes 1 ms and one written 10 ms with the model below; it loads in 6 s. */
export const roundProfile: MachineProfile = {
  name: 'round',
  prefillPerSecond: 1000,
  decodePerSecond: 100,
  loadBaseMs: 1000,
  loadBytesPerSecond: 1e9,
  memoryBytes: 24e9,
  gpu: true,
  companySlowdown: 0.5,
};

export const model = benchModel('model:8b', 5e9, 0);
export const otherModel = benchModel('other:8b', 5e9, 1);

export const serverOf = (id: string, change: Partial<ServerSpec> = {}): ServerSpec => ({
  id,
  profile: roundProfile,
  slots: 1,
  reuse: 'many',
  contextTokens: 8192,
  models: [model, otherModel],
  version: '0.33.0',
  ...change,
});

export const fleetOf = (...servers: readonly ServerSpec[]): Fleet => ({ name: 'test', servers });

export const plan = (change: Partial<TurnPlan> = {}): TurnPlan => ({
  messageTokens: 100,
  outputTokens: 10,
  thinkMs: 1000,
  patienceMs: Number.POSITIVE_INFINITY,
  ...change,
});

export const sessionOf = (id: string, at: number, change: Partial<Session> = {}): Session => ({
  id,
  at,
  tenant: 't0',
  app: '0-app',
  category: 'unknown',
  priority: 'normal',
  model,
  numCtx: undefined,
  systemTokens: 0,
  turns: [plan()],
  ...change,
});

export const workloadOf = (sessions: readonly Session[], change: Partial<Workload> = {}): Workload => ({
  name: 'test',
  loop: 'sessions',
  users: 1,
  models: [model, otherModel],
  contextTokens: 8192,
  sessions,
  size: sessions.reduce((sum, { turns }) => sum + turns.length, 0),
  ...change,
});

export interface Heard {
  readonly what: string;
  readonly at: number;
  readonly result?: AttemptEnd;
}

/** A policy that sends everything to the first server unless told otherwise, and writes down what it hears. */
export class Recorder implements SimPolicy {
  readonly name = 'recorder';
  readonly heard: Heard[] = [];
  readonly polls: {
    readonly server: string;
    readonly at: number;
    readonly residents: readonly ResidentView[] | 'down';
  }[] = [];
  readonly #onArrival: (job: SimJob, world: WorldView) => void;
  readonly #onFailure: (job: SimJob, world: WorldView) => void;
  #world: WorldView | undefined;

  constructor(
    onArrival: (job: SimJob, world: WorldView) => void = (job, world) => world.send(job, world.servers[0]?.id ?? ''),
    onFailure: (job: SimJob, world: WorldView) => void = (job, world) => world.refuse(job, 'given up'),
  ) {
    this.#onArrival = onArrival;
    this.#onFailure = onFailure;
  }

  get world(): WorldView {
    if (this.#world === undefined) throw new Error('the recorder was not started');
    return this.#world;
  }

  start(world: WorldView): void {
    this.#world = world;
  }

  arrive(job: SimJob): void {
    this.#note(`arrive ${job.id}`);
    this.#onArrival(job, this.world);
  }

  firstToken(job: SimJob, serverId: string): void {
    this.#note(`first ${job.id} ${serverId}`);
  }

  ended(job: SimJob, serverId: string | undefined, result: AttemptEnd): void {
    this.#note(`${result.kind} ${job.id} ${serverId}`, result);
    if (result.kind === 'failed' && result.phase !== 'body') this.#onFailure(job, this.world);
  }

  polled(server: string, residents: readonly ResidentView[] | 'down'): void {
    this.polls.push({ server, at: this.world.now(), residents });
  }

  #note(what: string, result?: AttemptEnd): void {
    const at = this.world.now();
    this.heard.push(result === undefined ? { what, at } : { what, at, result });
  }
}
