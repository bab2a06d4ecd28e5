import { DEFAULT_SHAPE } from '../../../src/core/demand.ts';
import { PlacementMemory } from '../../../src/placement/memory.ts';
import { planPlacement } from '../../../src/placement/plan.ts';
import type { HostView, Pins, PlacementAction } from '../../../src/placement/view.ts';
import type { LoadedView } from '../../../src/sim/model/machine-types.ts';
import { Machine } from '../../../src/sim/model/machine.ts';
import type { SimModel } from '../../../src/sim/model/models.ts';
import { loadMs } from '../../../src/sim/model/profile.ts';
import { VirtualTime } from '../../../src/sim/model/scheduler.ts';
import { chatModel, roundProfile } from '../sim/support/bench.ts';

/** What a request takes on the round profile: 100 tokens in at 1 ms, 200 out at 10 ms. */
export const SERVICE_MS = 2_100;
/** Arrivals fade with this time unless told otherwise. */
const RATE_MS = 300_000;

export interface Sent {
  readonly at: number;
  readonly action: PlacementAction;
}

export interface SimulatedPoolOptions {
  readonly hosts: readonly string[];
  readonly models: readonly string[];
  readonly maxLoadedModels: number;
  readonly pins?: Pins;
  readonly rateMs?: number;
  /** Whether placement runs at all; default yes. */
  readonly placement?: boolean;
}

interface Arrivals {
  rate: number;
  at: number;
}

/**
 * A pool of behaviour models in virtual time behind the plainest of proxies: a request waits for a host where its model
 * is in memory and idle, and makes an idle host load it only when nobody has it. Placement does the rest, every second.
 */
export class SimulatedPool {
  readonly clock = new VirtualTime();
  readonly machines = new Map<string, Machine>();
  readonly sent: Sent[] = [];
  /** Actions that reached a host while a load was pending or running there. */
  readonly unsafe: Sent[] = [];
  readonly memory = new PlacementMemory();
  served = 0;
  pins: Pins;
  readonly #options: SimulatedPoolOptions;
  readonly #models = new Map<string, SimModel>();
  readonly #arrivals = new Map<string, Arrivals>();
  readonly #rateMs: number;
  #waiting: string[] = [];

  constructor(options: SimulatedPoolOptions) {
    this.#options = options;
    this.#rateMs = options.rateMs ?? RATE_MS;
    this.pins = options.pins ?? new Map();
    for (const name of options.models) this.#models.set(name, chatModel(name));
    for (const id of options.hosts) {
      const { maxLoadedModels } = options;
      const profile = { ...roundProfile, memoryBytes: 200e9 };
      this.machines.set(id, new Machine({ clock: this.clock, profile, maxLoadedModels }));
    }
    if (options.placement !== false) this.#tick();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  loads(): readonly Sent[] {
    return this.sent.filter(({ action }) => action.kind === 'load');
  }

  machine(id: string): Machine {
    const machine = this.machines.get(id);
    if (machine === undefined) throw new Error(`no host ${id}`);
    return machine;
  }

  model(name: string): SimModel {
    const model = this.#models.get(name);
    if (model === undefined) throw new Error(`no model ${name}`);
    return model;
  }

  /** Hosts that have the model in memory, ready to answer. */
  holders(name: string): readonly string[] {
    return [...this.machines].filter(([, machine]) => has(machine, name)).map(([id]) => id);
  }

  ask(name: string): void {
    const known = this.#arrivals.get(name) ?? { rate: 0, at: this.clock.now() };
    known.rate = this.#rate(known) + 60_000 / this.#rateMs;
    known.at = this.clock.now();
    this.#arrivals.set(name, known);
    this.#waiting.push(name);
    this.#pump();
  }

  /** Asks for the model every so many ms, and lets time pass until then. */
  stream(name: string, everyMs: number, forMs: number): void {
    const end = this.clock.now() + forMs;
    for (let at = this.clock.now(); at < end; at += everyMs) this.clock.at(at, () => this.ask(name));
    this.clock.run(end);
  }

  #rate({ rate, at }: Arrivals): number {
    return rate * Math.exp((at - this.clock.now()) / this.#rateMs);
  }

  #pump(): void {
    this.#waiting = this.#waiting.filter((name) => !this.#start(name));
  }

  #start(name: string): boolean {
    const machines = [...this.machines.values()];
    const holders = machines.filter((machine) => machine.runners().some(({ model }) => model.name === name));
    const fit = (holders.length > 0 ? holders.filter((machine) => has(machine, name)) : machines).find(isIdle);
    if (fit === undefined) return false;
    const prompt = [{ text: `${this.served} of its own`, tokens: 100 }];
    fit.submit(
      { model: this.model(name), kind: 'completion', prompt, outputTokens: 200 },
      {
        end: () => {
          this.served += 1;
          this.clock.at(this.clock.now(), () => this.#pump());
        },
      },
    );
    // Nobody else is sent there in the same moment.
    this.clock.run(this.clock.now());
    return true;
  }

  #tick(): void {
    this.clock.at(this.clock.now() + 1_000, () => {
      const at = this.clock.now();
      const models = this.#options.models.map((model) => {
        const backlogMs = this.#waiting.filter((each) => each === model).length * SERVICE_MS;
        return {
          model,
          arrivalsPerMinute: this.#rate(this.#arrivals.get(model) ?? { rate: 0, at }),
          backlogMs,
          shape: DEFAULT_SHAPE,
        };
      });
      const hosts = (): readonly HostView[] => this.#options.hosts.map((id) => this.#host(id));
      for (const action of planPlacement({ models, hosts, pins: this.pins }, this.memory, at)) this.#act(action);
      this.#tick();
    });
  }

  #act(action: PlacementAction): void {
    const machine = this.machine(action.host);
    const sent = { at: this.clock.now(), action };
    this.sent.push(sent);
    if (machine.pending > 0 || machine.runners().some(({ loading }) => loading)) this.unsafe.push(sent);
    this.memory.begin(action, this.clock.now());
    const end = (): void => {
      this.memory.end(action, 'done', this.clock.now());
      this.#pump();
    };
    const model = this.model(action.model);
    if (action.kind === 'let-go') {
      machine.unload(model);
      end();
      return;
    }
    const keepAliveMs = action.keepAliveMs === undefined ? {} : { keepAliveMs: action.keepAliveMs };
    machine.submit({ model, kind: 'load', prompt: [], outputTokens: 0, ...keepAliveMs }, { end });
  }

  #host(id: string): HostView {
    const machine = this.machine(id);
    const runners = machine.runners();
    const busy = runners.reduce((sum, { running, waiting }) => sum + running + waiting, 0);
    return {
      id,
      usable: true,
      busy,
      loadsPending: machine.pending,
      residents: runners.map((runner) => ({
        model: runner.model.name,
        sizeBytes: runner.memory,
        shape: DEFAULT_SHAPE,
        expiresInMs: runner.expiresAt - this.clock.now(),
        keepAliveKnownMs: undefined,
        loadMs: loadMs(roundProfile, runner.model.size),
        running: runner.running + runner.waiting,
        loading: runner.loading,
        draining: false,
      })),
      installed: (name) => ({ loadMs: loadMs(roundProfile, this.model(name).size), embedding: false }),
      room: () => {
        const full = runners.length >= this.#options.maxLoadedModels;
        const victim = runners.at(-1);
        return full && victim !== undefined ? { victims: [victim.model.name], chance: 1 } : { victims: [], chance: 0 };
      },
    };
  }
}

const ready = ({ loading }: LoadedView): boolean => !loading;
const has = (machine: Machine, name: string): boolean =>
  machine.runners().some((runner) => runner.model.name === name && ready(runner));
const isIdle = (machine: Machine): boolean =>
  machine.pending === 0 && machine.runners().every((runner) => ready(runner) && runner.running + runner.waiting === 0);
