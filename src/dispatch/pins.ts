import type { Registry } from '../backends/registry.ts';
import type { Clock } from '../core/clock.ts';
import { modelKey } from '../core/model-name.ts';
import type { Log } from '../core/types.ts';
import type { Facts } from '../facts/facts.ts';
import type { Pins } from '../placement/view.ts';

/**
 * How a pin stands: `held` = in memory for long, `loaded` = in memory, not held yet, `loading`, `waiting` = on disk and
 * to be loaded, `missing` = not on disk there, `unreachable` = the backend is down or not configured.
 */
export type PinState = 'held' | 'loaded' | 'loading' | 'waiting' | 'missing' | 'unreachable';

export interface PinView {
  readonly backend: string;
  readonly model: string;
  readonly state: PinState;
}

/** A pinned model that would go sooner than this is not held: what others ask for lasts minutes, a pin a day. */
const HELD_FROM_MS = 3_600_000;

/** The pins of a configuration, model names in the spelling of `modelKey`. */
export const pinsOf = (pin: Readonly<Record<string, readonly string[]>>): Pins =>
  new Map(Object.entries(pin).map(([backend, models]) => [backend, [...new Set(models.map(modelKey))]]));

/** Says how pins stand, and logs those that cannot hold because their model is nowhere to be loaded from. */
export class PinWatch {
  readonly #registry: Registry;
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #log: Log;
  #pins: Pins;
  /** Pins that were warned of, as `backend model`. */
  readonly #warned = new Set<string>();

  constructor(
    parts: { readonly registry: Registry; readonly facts: Facts; readonly clock: Clock; readonly log: Log },
    pins: Pins,
  ) {
    this.#registry = parts.registry;
    this.#facts = parts.facts;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#pins = pins;
  }

  /** Takes over the pins of a new configuration; what is still missing is told once more. */
  configure(pins: Pins): void {
    this.#pins = pins;
    this.#warned.clear();
    for (const backend of pins.keys()) this.looked(backend);
  }

  /** A look at a backend is over. Warns once of each pinned model that it lacks. */
  looked(id: string): void {
    const backend = this.#registry.get(id);
    if (backend?.lastSeenAt === undefined) return;
    for (const model of this.#pins.get(id) ?? []) {
      const key = `${id} ${model}`;
      if (backend.installed.has(model)) {
        this.#warned.delete(key);
      } else if (!this.#warned.has(key)) {
        this.#warned.add(key);
        this.#warn(id, model);
      }
    }
  }

  views(): readonly PinView[] {
    return Array.from(this.#pins, ([backend, models]) =>
      models.map((model) => ({ backend, model, state: this.#stateOf(backend, model) })),
    ).flat();
  }

  #warn(backend: string, model: string): void {
    const has = (this.#registry.models().get(model) ?? []).map(({ backendId }) => backendId);
    const where = has.length === 0 ? 'no backend has it' : `it is on ${has.join(', ')}`;
    this.#log.warn(
      { event: 'pin-missing', backend, model, has },
      `${model} is pinned to ${backend} (placement.pin) and not on its disk; ${where}. It will be loaded once it was pulled there`,
    );
  }

  #stateOf(id: string, model: string): PinState {
    const backend = this.#registry.get(id);
    if (backend?.health !== 'up') return 'unreachable';
    if (!backend.installed.has(model)) return 'missing';
    const listed = this.#facts
      .host(id)
      .residency.list(this.#clock.now())
      .find((resident) => resident.model === model);
    if (listed === undefined) return 'waiting';
    if (listed.loading) return 'loading';
    return listed.expiresInMs >= HELD_FROM_MS ? 'held' : 'loaded';
  }
}
