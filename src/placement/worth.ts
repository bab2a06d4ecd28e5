import { DEFAULT_SHAPE, type RunnerShape } from '../core/demand.ts';
import type { HostView, ModelView, PlacementAction, ResidentView } from './view.ts';

/** How far ahead a copy's use is looked at: as long as Ollama keeps a model by default. */
const HORIZON_MINUTES = 5;
/** Arrivals per copy within the horizon from which on it is worth keeping; below, it is left to expire. */
const KEEP_ARRIVALS = 0.2;
/** Arrivals within the horizon from which on the last copy of a model is guarded. */
const GUARD_ARRIVALS = 1;
/** How much each further copy takes off a copy's value: requests then have somewhere else to go. */
const COPY_DISCOUNT = 3;
/** Whoever pushes out the last copy pays so many times its value: nobody can serve the model meanwhile. */
const LAST_COPY_PRICE = 3;

/** Who has what, and what it is worth: the eviction price of routing-science 5.2, from the planner's view. */
export class Worth {
  readonly #models = new Map<string, ModelView>();
  readonly #copies = new Map<string, number>();

  /** @param pending actions under way: their effect counts before anybody lists it */
  constructor(models: readonly ModelView[], hosts: readonly HostView[], pending: Iterable<PlacementAction>) {
    for (const model of models) this.#models.set(model.model, model);
    const usable = new Map<string, HostView>();
    for (const host of hosts) {
      if (!host.usable) continue;
      usable.set(host.id, host);
      for (const { model, draining } of host.residents) if (!draining) this.#add(model, 1);
    }
    for (const { kind, host: id, model, victims } of pending) {
      const host = usable.get(id);
      if (host === undefined) continue;
      if (kind === 'load' && residentOn(host, model) === undefined) this.#add(model, 1);
      for (const going of kind === 'let-go' ? [model] : victims)
        if (residentOn(host, going)?.draining === false) this.#add(going, -1);
    }
  }

  arrivalsPerMinute(model: string): number {
    return this.#models.get(model)?.arrivalsPerMinute ?? 0;
  }

  backlogMs(model: string): number {
    return this.#models.get(model)?.backlogMs ?? 0;
  }

  shape(model: string): RunnerShape {
    return this.#models.get(model)?.shape ?? DEFAULT_SHAPE;
  }

  /** Copies on hosts that can answer, those on their way included. */
  copies(model: string): number {
    return this.#copies.get(model) ?? 0;
  }

  /** From now on the plan counts one copy less: it is left to expire. */
  giveUp(model: string): void {
    this.#add(model, -1);
  }

  /** ms: value of one copy among `copies`: L̂ · min(1, 60 s · λ / (1 + 3 · other copies)). */
  value(model: string, loadMs: number, copies: number): number {
    const others = Math.max(0, copies - 1);
    return loadMs * Math.min(1, this.arrivalsPerMinute(model) / (1 + COPY_DISCOUNT * others));
  }

  /** Each of the copies that there are is used often enough to be kept. */
  worthKeeping(model: string): boolean {
    return (
      (this.arrivalsPerMinute(model) * HORIZON_MINUTES) / Math.max(1, this.copies(model)) >= KEEP_ARRIVALS ||
      this.backlogMs(model) > 0
    );
  }

  /** ms that pushing this one out is expected to cost. */
  price({ model, loadMs }: ResidentView): number {
    const copies = this.copies(model);
    return this.value(model, loadMs, copies) * (copies <= 1 ? LAST_COPY_PRICE : 1);
  }

  /** It is the last copy of a model that somebody will soon ask for. */
  guarded(model: string): boolean {
    return this.copies(model) <= 1 && this.arrivalsPerMinute(model) * HORIZON_MINUTES >= GUARD_ARRIVALS;
  }

  #add(model: string, change: number): void {
    this.#copies.set(model, this.copies(model) + change);
  }
}

/** Whether anything could be worth doing for this model; decides before any host is looked at. */
export const isWanted = ({ arrivalsPerMinute, backlogMs }: ModelView): boolean =>
  backlogMs > 0 || arrivalsPerMinute * HORIZON_MINUTES >= KEEP_ARRIVALS;

export const residentOn = (host: HostView, model: string): ResidentView | undefined =>
  host.residents.find((resident) => resident.model === model);
