import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The command line as a process of its own. */
export interface Child {
  out(): string;
  err(): string;
  /** The first match in what stdout and stderr have said or will say. @throws when the process ends before that */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Environment variables that would reach into a test. */
const OURS = /^(TASK_ROUTER_|NO_COLOR$|NODE_OPTIONS$|VITEST)/;

/** Starts `ollama-task-router …argv` from source. */
export const startChild = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Child => {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)));
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...env },
  });
  let out = '';
  let err = '';
  let over = false;
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const each of waiting) each();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    look();
  });
  const ended = new Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>((resolve) => {
    // `close` comes after the last output, `exit` may not.
    child.once('close', (code, signal) => {
      over = true;
      look();
      resolve({ code, signal });
    });
  });
  return {
    out: () => out,
    err: () => err,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = pattern.exec(out) ?? pattern.exec(err);
          if (found === null && !over) return;
          waiting.delete(check);
          if (found === null) reject(new Error(`ended without saying ${String(pattern)}:\n${out}\n${err}`));
          else resolve(found);
        };
        waiting.add(check);
        check();
      }),
    signal: (name) => void child.kill(name),
    ended,
  };
};
