import type { ProxyError } from '../core/errors.ts';

/** What a waiter's owner is told, once. */
export interface Listener<T> {
  started(value: T): void;
  refused(error: ProxyError): void;
}

/** The end of a wait: at hand if it came at once, otherwise as a promise. */
export class Promised<T> implements Listener<T> {
  #end: { readonly value: T } | { readonly error: unknown } | undefined;
  #resolve: (value: T) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #over: () => void = () => {};

  started(value: T): void {
    this.#end ??= { value };
    this.#resolve(value);
    this.#over();
  }

  refused(error: unknown): void {
    this.#end ??= { error };
    this.#reject(error);
    this.#over();
  }

  /**
   * @param waits runs if the end is not there yet; what it gives back runs when it comes
   * @throws what the request was refused with, if it was at once
   */
  result(waits: () => () => void): Promise<T> | T {
    if (this.#end !== undefined) {
      if ('value' in this.#end) return this.#end.value;
      throw this.#end.error;
    }
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#over = waits();
    });
  }
}
