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
  /** It has exited; others that it started may still hold its output. */
  readonly exited: Promise<number | null>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Environment variables that would reach into a test. */
const OURS = /^(TASK_ROUTER_|NO_COLOR$|NODE_OPTIONS$|VITEST)/;

/** The shell knows the process id that the program will have; a service manager does too. */
const AS_A_MANAGER = ['sh', '-c', 'LISTEN_PID=$$ exec "$0" "$@"'] as const;

/**
 * Starts `ollama-task-router …argv` from source.
 * @param sockets file descriptors that are handed down as a service manager does it, by the names that it gives them
 */
export const startChild = (
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  sockets: Readonly<Record<string, number>> = {},
): Child => {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)));
  const names = Object.keys(sockets);
  const manager = names.length > 0 ? { LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(':') } : {};
  const [file, ...args] = [
    ...(names.length > 0 ? AS_A_MANAGER : []),
    ...[process.execPath, '--import', 'tsx', MAIN, ...argv],
  ] as const;
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe', ...Object.values(sockets)],
    env: { ...inherited, ...manager, ...env },
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('a child without output');
  let out = '';
  let err = '';
  let over = false;
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const each of waiting) each();
  };
  stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    look();
  });
  stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    look();
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
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
    exited,
    ended,
  };
};
