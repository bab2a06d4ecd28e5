import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Which cores a process may run on, as taskset takes them; undefined = wherever the system likes. */
export type Cores = string | undefined;

export interface Pinning {
  /** What is measured: alone on its core. */
  readonly proxy: Cores;
  /** Load generator, backend and this process. */
  readonly rest: Cores;
}

/** Units of /proc/PID/stat: USER_HZ, 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const READY_MS = 15_000;

const children = new Set<ChildProcess>();

/** Ends every process that is still running, whatever way this one ends. */
export const killAll = (): void => {
  for (const child of children) child.kill('SIGKILL');
};
process.once('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

/** Splits the cores that this process may use; nothing is pinned without taskset or with one core only. */
export const choosePinning = (): Pinning => {
  const allowed = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  const cores = allowed.split(',').flatMap((range) => {
    const [from = NaN, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  const last = cores.pop();
  const hasTaskset = spawnSync('taskset', ['--version']).status === 0;
  if (!hasTaskset || last === undefined || cores.length === 0) return { proxy: undefined, rest: undefined };
  return { proxy: String(last), rest: cores.join(',') };
};

/** Starts a process that `stop` and `killAll` know. */
export const start = (
  command: string,
  args: readonly string[],
  options: { readonly cores: Cores; readonly stdio: StdioOptions },
): ChildProcess => {
  // taskset replaces itself by the command, so the pid is the command's own.
  const [file, ...rest] =
    options.cores === undefined ? [command, ...args] : ['taskset', '-c', options.cores, command, ...args];
  const child = spawn(file ?? command, rest, { stdio: options.stdio });
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', () => children.delete(child));
  return child;
};

/** Starts a TypeScript file of this folder, with a message channel. */
export const startScript = (name: string, args: readonly string[], cores: Cores): ChildProcess =>
  start(process.execPath, ['--import', 'tsx', new URL(name, import.meta.url).pathname, ...args], {
    cores,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });

/** Resolves with the first URL that the process prints. @throws when it ends or says nothing for 15 s */
export const firstUrl = async (child: ChildProcess, what: string): Promise<string> =>
  (await firstUrls(child, what, 1))[0] ?? '';

/** The same for several. */
export const firstUrls = (child: ChildProcess, what: string, count: number): Promise<readonly string[]> =>
  new Promise((resolve, reject) => {
    const urls: string[] = [];
    const fail = (why: string): void => {
      clearTimeout(timer);
      reject(new Error(`${what} ${why}`));
    };
    const timer = setTimeout(() => fail(`printed no address within ${READY_MS} ms`), READY_MS);
    child.once('error', (error) => fail(`cannot be started: ${error.message}`));
    child.once('exit', (code) => fail(`ended with code ${code} before it was ready`));
    if (child.stdout === null) {
      fail('has no stdout to read its address from');
      return;
    }
    createInterface(child.stdout).on('line', (line) => {
      const url = /http:\/\/\S+/.exec(line)?.[0];
      if (url === undefined) return;
      urls.push(url);
      if (urls.length < count) return;
      clearTimeout(timer);
      resolve(urls);
    });
  });

/** Ends one process and resolves when it is gone. */
export const stop = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });

/**
 * CPU time of a process, user and system, all its threads, in µs. To the nanosecond where the kernel keeps scheduler
 * statistics, otherwise in steps of 10 ms. Threads that have ended do not count then; none of these processes ends any.
 */
export const cpuMicros = (pid: number): number => scheduledMicros(pid) ?? tickedMicros(pid);

/** Linux Documentation/scheduler/sched-stats.rst: the first number is ns on a core. */
const scheduledMicros = (pid: number): number | undefined => {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}/schedstat`);
    return tasks.reduce((sum, file) => sum + Number(readFileSync(file, 'utf8').split(' ', 1)[0]) / 1_000, 0);
  } catch {
    return undefined;
  }
};

/** Linux proc(5). */
const tickedMicros = (pid: number): number => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold spaces; behind it come state (field 3), … utime (14), stime (15).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND;
};

/** Resident memory of a process in bytes. Linux proc(5). */
export const residentBytes = (pid: number): number => {
  const kib = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status names no VmRSS; has the process ended?`);
  return Number(kib) * 1024;
};
