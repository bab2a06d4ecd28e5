import { DEFAULT_SHAPE } from '../../src/core/demand.ts';
import type { SimPolicy, WorldView } from '../sim/policy.ts';

/** Another policy, which finds every model in the memory of every server once the loads of the first moments are done. */
export class Warmed implements SimPolicy {
  readonly #inner: SimPolicy;

  constructor(inner: SimPolicy) {
    this.#inner = inner;
  }

  get name(): string {
    return this.#inner.name;
  }

  start(world: WorldView): void {
    for (const { id, models } of world.servers) {
      for (const model of models.keys()) world.load(id, model, DEFAULT_SHAPE, undefined, () => undefined);
    }
    this.#inner.start(world);
  }

  arrive(...event: Parameters<SimPolicy['arrive']>): void {
    this.#inner.arrive(...event);
  }

  firstToken(...event: Parameters<SimPolicy['firstToken']>): void {
    this.#inner.firstToken(...event);
  }

  ended(...event: Parameters<SimPolicy['ended']>): void {
    this.#inner.ended(...event);
  }

  polled(...event: Parameters<SimPolicy['polled']>): void {
    this.#inner.polled(...event);
  }
}
