import type { Io } from '../../src/cli/io.ts';

/** The process as a command sees it, kept in memory. */
export interface TestIo extends Io {
  stdout(): string;
  stderr(): string;
  /** What a first signal does. */
  stop(): Promise<void>;
  /** What SIGHUP does. */
  reload(): void;
}

/** A process that nobody watches, with this environment; logs are off unless the environment asks for them. */
export const testIo = (env: Readonly<Record<string, string>> = {}): TestIo => {
  let out = '';
  let err = '';
  const stops: (() => Promise<void>)[] = [];
  const reloads: (() => void)[] = [];
  return {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    env: { TASK_ROUTER_LOG_LEVEL: 'silent', ...env },
    interactive: false,
    color: false,
    onStop: (fn) => void stops.push(fn),
    onReload: (fn) => void reloads.push(fn),
    onCrash: () => undefined,
    onHandOver: () => undefined,
    pid: process.pid,
    succeed: () => Promise.reject(new Error('a test starts no other process')),
    ready: () => undefined,
    stdout: () => out,
    stderr: () => err,
    async stop() {
      await Promise.all(stops.map((fn) => fn()));
    },
    reload() {
      for (const fn of reloads) fn();
    },
  };
};
