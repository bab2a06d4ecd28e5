import type { Gate } from '../admission/gate.ts';
import type { Registry } from '../backends/registry.ts';
import type { Config } from '../config/types.ts';
import type { Clock } from '../core/clock.ts';
import type { Rng } from '../core/rng.ts';
import type { Log } from '../core/types.ts';
import type { Facts } from '../facts/facts.ts';
import { Placement, type PlacementCount, type PlacementSettings } from '../placement/loop.ts';
import { PinWatch, pinsOf } from './pins.ts';
import { placer, type PlacerParts } from './place.ts';
import { placementReport, type PlacementReport } from './placement-report.ts';
import { poolView } from './placement-view.ts';
import { Suspects, type Suspect } from './suspects.ts';

export interface BackgroundParts extends Pick<PlacerParts, 'send' | 'look'> {
  readonly registry: Registry;
  readonly facts: Facts;
  readonly gate: Gate;
  /** The models, by key, that a request for a name may be served with. */
  readonly targets: (name: string) => readonly string[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly schedule: (ms: number, run: () => void) => () => void;
  readonly log: Log;
}

type BackgroundConfig = Pick<Config, 'placement' | 'backends'>;

/** What goes on beside the requests: placement, and an eye on pins and on backends that have become slow. */
export class Background {
  readonly #parts: BackgroundParts;
  readonly #pins: PinWatch;
  readonly #suspects: Suspects;
  #settings: PlacementSettings;
  #placement: Placement | undefined;

  constructor(parts: BackgroundParts, config: BackgroundConfig) {
    this.#parts = parts;
    this.#settings = settingsOf(config);
    this.#pins = new PinWatch(parts, this.#settings.pins);
    this.#suspects = new Suspects(parts.log);
  }

  /** Begins to plan, if the configuration says so. To be called once. */
  start(): void {
    const { registry, facts, gate, targets, clock, rng, schedule, log } = this.#parts;
    const waiting = (limit: number) => gate.waiting(limit);
    this.#placement = new Placement(
      {
        view: () => poolView({ registry, facts, waiting, targets }, clock.now()),
        act: placer(this.#parts),
        clock,
        rng,
        schedule,
        log,
      },
      this.#settings,
    );
  }

  configure(config: BackgroundConfig): void {
    this.#settings = settingsOf(config);
    this.#placement?.configure(this.#settings);
    this.#pins.configure(this.#settings.pins);
    this.#suspects.keep(new Set(config.backends.map(({ name }) => name)));
  }

  /** Plans no more, for good. */
  stop(): void {
    this.#placement?.stop();
  }

  /** A look at a backend is over. */
  looked(backend: string): void {
    const { facts, registry, clock } = this.#parts;
    this.#pins.looked(backend);
    if (registry.get(backend)?.health === 'up') this.#suspects.check(facts.host(backend), clock.now());
  }

  get suspects(): readonly Suspect[] {
    return this.#suspects.current;
  }

  /** Ended actions of placement since the start, by kind and result. */
  get actions(): readonly PlacementCount[] {
    return this.#placement?.counts() ?? [];
  }

  report(): PlacementReport {
    return placementReport(this.#placement, this.#settings.enabled, this.#pins.views(), this.#parts.clock.now());
  }
}

const settingsOf = ({ placement: { enabled, pin } }: BackgroundConfig): PlacementSettings => ({
  enabled,
  pins: pinsOf(pin),
});
