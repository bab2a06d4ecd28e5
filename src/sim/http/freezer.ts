/** A process that can be stopped (SIGSTOP): connections stand, the kernel takes new ones, and whatever it would do waits. */
export class Freezer {
  #frozen = false;
  #waiting: (() => void)[] = [];

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Does it now, or in its turn once the process goes on. */
  readonly run = (act: () => void): void => {
    if (this.#frozen) this.#waiting.push(act);
    else act();
  };

  /** Stops the process, or lets it go on with everything that came meanwhile. */
  set(frozen: boolean): void {
    this.#frozen = frozen;
    if (frozen) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const act of waiting) act();
  }

  /** The process is gone with everything that waited. */
  drop(): void {
    this.#waiting = [];
  }
}
