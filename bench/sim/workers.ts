import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Cell, CellResult } from './cell.ts';

const SCRIPT = new URL('./worker.ts', import.meta.url);

interface Waiting {
  readonly cell: Cell;
  readonly resolve: (result: CellResult) => void;
  readonly reject: (error: Error) => void;
}

/** Runs cells in several processes, first come first served. Results do not depend on which process ran them. */
export class Workers {
  readonly #idle: ChildProcess[] = [];
  readonly #all: ChildProcess[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #done: (cell: Cell) => void;

  /**
   * @param done told of every cell that was run, for progress
   * @param processes default: one per core
   */
  constructor(done: (cell: Cell) => void, processes = availableParallelism()) {
    this.#done = done;
    for (let index = 0; index < processes; index += 1) {
      const child = fork(SCRIPT, { serialization: 'advanced' });
      this.#all.push(child);
      this.#idle.push(child);
    }
  }

  /** Rejects if the process dies, which is how a mistake in a policy shows: the process has printed it. */
  run(cell: Cell): Promise<CellResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ cell, resolve, reject });
      this.#next();
    });
  }

  close(): void {
    for (const child of this.#all) child.kill();
  }

  #next(): void {
    const child = this.#idle.pop();
    if (child === undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#idle.push(child);
      return;
    }
    const died = (code: number | null): void => {
      const { policy, preset, seed } = waiting.cell;
      waiting.reject(new Error(`the process for ${policy} on ${preset}, seed ${seed}, ended with code ${code}`));
    };
    child.once('exit', died);
    child.once('message', (result) => {
      child.off('exit', died);
      this.#idle.push(child);
      this.#done(waiting.cell);
      waiting.resolve(result as CellResult);
      this.#next();
    });
    child.send(waiting.cell);
  }
}
