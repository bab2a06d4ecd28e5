import { parseArgs } from 'node:util';
import { AdminCallError, type AskIo } from './admin-client.ts';
import { ADMIN_OPTIONS, adminTarget, type AdminTarget } from './admin-flags.ts';
import { readFeed } from './top/feed.ts';
import { lineText } from './top/lines.ts';
import { watch } from './top/live.ts';
import { isSnapshot, readSnapshot } from './top/read.ts';
import { renderTop } from './top/render.ts';
import type { LiveTerminal } from './tty.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

/** What `top` may touch of the process. */
export interface TopIo extends AskIo {
  /** The terminal, where keyboard and screen are one; undefined = results go to a file or a pipe. */
  readonly live?: LiveTerminal | undefined;
  /** Called at the first signal to stop. */
  onStop(fn: () => Promise<void>): void;
  /** Called when the terminal hangs up. */
  onReload(fn: () => void): void;
  /** Called when the process ends, however it ends; it cannot wait then. */
  atExit(fn: () => void): void;
}

interface Flags {
  readonly target: AdminTarget;
  readonly once: boolean;
  readonly json: boolean;
}

/** @throws {Error} with what is wrong in the command line; undefined = help was asked for */
const readFlags = (argv: readonly string[], env: AskIo['env']): Flags | undefined => {
  const { values } = parseArgs({
    args: [...argv],
    options: { ...ADMIN_OPTIONS, once: { type: 'boolean', default: false } },
  });
  if (values.help) return undefined;
  return { target: adminTarget(values, env), once: values.once, json: values.json };
};

/** Last decisions of a single look: as many as stand on a page beside the servers. */
const DECISIONS = 15;

/** @param ms since 1970 @returns the time of day where this runs */
const timeOf = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);

/** The state as it is, once. @throws {AdminCallError} */
const once = async ({ target, json }: Flags, io: TopIo): Promise<void> => {
  const end = new AbortController();
  io.onStop(() => {
    end.abort();
    return Promise.resolve();
  });
  for await (const { data, value } of readFeed(target, end.signal)) {
    if (!isSnapshot(value)) break;
    if (json) {
      io.out(`${data}\n`);
      return;
    }
    const view = {
      columns: io.terminal?.columns ?? Infinity,
      rows: Infinity,
      scroll: 0,
      admin: target.admin,
      trouble: undefined,
      keys: '',
      timeOf,
    };
    const state = readSnapshot(value);
    const lines = renderTop({ ...state, decisions: state.decisions.slice(0, DECISIONS) }, view);
    io.out(lines.map((line) => `${lineText(line, io.terminal?.color === true)}\n`).join(''));
    return;
  }
  if (end.signal.aborted) return;
  throw new AdminCallError(`${target.admin} does not answer as the admin listener of a router of this version does`);
};

/**
 * `top`: the servers, the queue, the rates and the last decisions of a running proxy, live in a terminal and once anywhere
 * else. Gives the exit code: 0, 1 when the proxy refuses (or, for a single look, cannot be reached), 2 for a wrong command
 * line.
 */
export const topCommand = async (argv: readonly string[], io: TopIo): Promise<number> => {
  let flags: Flags | undefined;
  try {
    flags = readFlags(argv, io.env);
  } catch (thrown) {
    io.err(`ollama-task-router top: ${problemOf(thrown, 'top')}\n\n${USAGE.top}`);
    return 2;
  }
  if (flags === undefined) {
    io.out(USAGE.top);
    return 0;
  }
  try {
    if (io.live === undefined || flags.once || flags.json) await once(flags, io);
    else await watch(flags.target, { ...io, live: io.live, timeOf });
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof AdminCallError)) throw thrown;
    io.err(`ollama-task-router top: ${thrown.message}\n`);
    return 1;
  }
};
