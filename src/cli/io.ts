import type { OpenSocket } from '../http/listeners.ts';

/** What a command may touch of the process it runs in; main.ts gives the real one, tests give a list. */
export interface Io {
  /** Results. */
  out(text: string): void;
  /** Logs, progress and problems. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A person is watching the error stream. */
  readonly interactive: boolean;
  /** Colours are welcome on the error stream. */
  readonly color: boolean;
  /** Called at the first signal to stop; a second one ends the process at once. */
  onStop(fn: () => Promise<void>): void;
  /** Called at each signal to reload. */
  onReload(fn: () => void): void;
  /** Called at each signal to make way for another process. */
  onHandOver(fn: () => void): void;
  /** This process's own id. */
  readonly pid: number;
  /**
   * Starts the same command again with these sockets, as it is installed now.
   * @returns the id of the new process, once it listens on them
   * @throws Error when that comes to nothing
   */
  succeed(sockets: readonly OpenSocket[]): Promise<number>;
  /** Tells the process that this one was started in the place of that it is ready; nothing where there is none. */
  ready(): void;
  /** Called when the process dies of an error that nobody caught; it waits for these, and no longer than a moment. */
  onCrash(fn: (error: unknown) => Promise<void>): void;
}
