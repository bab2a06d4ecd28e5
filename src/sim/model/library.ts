import { modelKey } from '../../core/model-name.ts';
import { fakeDigest } from './hash.ts';
import { installModel, type SimModel } from './models.ts';

/** The models installed on one server, and the blobs uploaded to it. */
export class Library {
  readonly #models = new Map<string, SimModel>();
  readonly #blobs = new Map<string, number>();

  constructor(names: readonly string[]) {
    names.forEach((name, order) => this.#put(installModel(name, order)));
  }

  /** Finds by any spelling of the name. */
  find(name: string): SimModel | undefined {
    return this.#models.get(modelKey(name));
  }

  /** Newest first, as `/api/tags` sorts. */
  list(): readonly SimModel[] {
    return [...this.#models.values()].sort((a, b) => b.modifiedAt - a.modifiedAt || (a.name < b.name ? -1 : 1));
  }

  /** What `install` would add. */
  preview(name: string): SimModel {
    return installModel(name, 0);
  }

  /** Adds a model as if pulled now. `wallMs` is the time of installation. */
  install(name: string, wallMs: number): SimModel {
    return this.#put({ ...installModel(name, 0), modifiedAt: wallMs });
  }

  /** A further name for the same weights, the manifest too. */
  copy(source: SimModel, name: string, wallMs: number): SimModel {
    return this.#put({ ...source, name: modelKey(name), modifiedAt: wallMs });
  }

  /** The same weights under a new name with another system text: another manifest. */
  derive(source: SimModel, name: string, system: string, wallMs: number): SimModel {
    const key = modelKey(name);
    const digest = fakeDigest(`manifest ${key} from ${source.digest} ${system}`);
    return this.#put({ ...source, name: key, digest, system, parent: source.name, modifiedAt: wallMs });
  }

  /** A model from an uploaded file. */
  import(name: string, blobDigest: string, wallMs: number): SimModel {
    const size = Math.max(1, this.#blobs.get(blobDigest) ?? 1);
    return this.#put({ ...installModel(name, 0), size, weights: blobDigest, modifiedAt: wallMs });
  }

  remove(model: SimModel): void {
    this.#models.delete(modelKey(model.name));
  }

  /** Bare hex digest of a blob that this server holds: an upload, or the weights of an installed model. */
  hasBlob(hex: string): boolean {
    return this.#blobs.has(hex) || this.list().some((model) => model.weights === hex);
  }

  addBlob(hex: string, bytes: number): void {
    this.#blobs.set(hex, bytes);
  }

  #put(model: SimModel): SimModel {
    this.#models.set(modelKey(model.name), model);
    return model;
  }
}
