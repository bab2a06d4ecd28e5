import type { VirtualModel } from '../config/types.ts';
import { modelKey } from '../core/model-name.ts';

/** A model that a request may be served with. */
export interface Target {
  /** The spelling of `modelKey`. */
  readonly key: string;
  /** The name as the configuration or the client wrote it; this goes to the backend. */
  readonly name: string;
}

/** Targets that suit equally well; earlier tiers are preferred. */
export type Tiers = readonly (readonly Target[])[];

/** What a name stands for: itself, one other model, or any of several. */
export type Meaning =
  | { readonly kind: 'model' | 'alias'; readonly target: Target }
  | { readonly kind: 'virtual'; readonly of: readonly string[] };

const target = (name: string): Target => ({ key: modelKey(name), name });

/**
 * What a model name stands for: itself, another name (alias), or several (virtual model). Pure lookups, built anew when
 * the configuration changes.
 */
export class TargetTable {
  readonly #aliases: ReadonlyMap<string, string>;
  readonly #virtual: ReadonlyMap<string, VirtualModel>;
  /** The spelling of the configuration, by key. */
  readonly #names: ReadonlyMap<string, string>;

  constructor(aliases: Readonly<Record<string, string>>, virtualModels: readonly VirtualModel[]) {
    this.#aliases = new Map(Object.entries(aliases).map(([name, model]) => [modelKey(name), model]));
    this.#virtual = new Map(virtualModels.map((model) => [modelKey(model.name), model]));
    const names = [...Object.keys(aliases), ...virtualModels.map(({ name }) => name)];
    this.#names = new Map(names.map((name) => [modelKey(name), name]));
  }

  /** Is this an alias or a virtual model? */
  knows(name: string): boolean {
    const key = modelKey(name);
    return this.#aliases.has(key) || this.#virtual.has(key);
  }

  /**
   * The models that a request for `name` may be served with. For a virtual model the ones that its `prefer` names for
   * the category come first, then its other candidates.
   */
  tiers(name: string, category: string): Tiers {
    const model = this.#resolve(name);
    const virtual = this.#virtual.get(modelKey(model));
    if (virtual === undefined) return [[target(model)]];
    const preferred = virtual.prefer[category] ?? [];
    const rest = virtual.candidates.filter((candidate) => !preferred.includes(candidate));
    return [preferred.map(target), rest.map(target)].filter((tier) => tier.length > 0);
  }

  /**
   * What a name means to a request about a model's files: an alias names one model, a virtual model none in particular.
   */
  meaning(name: string): Meaning {
    const real = this.#resolve(name);
    const virtual = this.#virtual.get(modelKey(real));
    if (virtual !== undefined) return { kind: 'virtual', of: virtual.candidates };
    return { kind: modelKey(real) === modelKey(name) ? 'model' : 'alias', target: target(real) };
  }

  /** Every alias and virtual model, with the models that it may be served with, best first. */
  stands(): readonly { readonly name: string; readonly of: readonly string[] }[] {
    return [...this.#aliases.keys(), ...this.#virtual.keys()].map((key) => ({
      name: this.#names.get(key) ?? key,
      of: this.tiers(key, 'unknown')
        .flat()
        .map(({ name }) => name),
    }));
  }

  #resolve(name: string): string {
    let model = name;
    // The configuration refuses cycles; the bound only keeps a mistake there from hanging a request here.
    for (let hops = 0; hops < 16; hops++) {
      const next = this.#aliases.get(modelKey(model));
      if (next === undefined) return model;
      model = next;
    }
    return model;
  }
}
