#!/usr/bin/env node
import type { AskIo } from './cli/admin-client.ts';
import { HANDED_VARIABLE } from './cli/handed.ts';
import type { Io } from './cli/io.ts';
import type { TopIo } from './cli/top.ts';
import { OVERVIEW, USAGE, VERBS, type Verb } from './cli/usage.ts';
import { nearest } from './config/nearest.ts';
import { errorText } from './core/errors.ts';

const [verb, ...rest] = process.argv.slice(2);
const interactive = process.stderr.isTTY;
const stops: (() => Promise<void>)[] = [];
const reloads: (() => void)[] = [];
const handOvers: (() => void)[] = [];
const crashes: ((error: unknown) => Promise<void>)[] = [];
let stopping = false;
let crashing = false;

/** What is worth saving is saved in this many ms, or not at all: nobody knows what the process is still able to do. */
const CRASH_MS = 3_000;

const stop = (): void => {
  if (stopping) process.exit(130);
  stopping = true;
  void Promise.all(stops.map((fn) => fn()));
};

/** An error that nobody caught: says why, saves what can be saved, and ends. A second one ends it at once. */
const crash = (thrown: unknown): void => {
  const reason = thrown instanceof Error ? (thrown.stack ?? thrown.message) : errorText(thrown);
  process.stderr.write(`ollama-task-router ends: an error was not caught: ${reason}\n`);
  if (crashing) process.exit(1);
  crashing = true;
  setTimeout(() => process.exit(1), CRASH_MS);
  void Promise.allSettled(crashes.map((fn) => fn(thrown))).then(() => process.exit(1));
};

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  interactive,
  color: interactive && process.env['NO_COLOR'] === undefined,
  onStop: (fn) => void stops.push(fn),
  onReload: (fn) => void reloads.push(fn),
  onHandOver: (fn) => void handOvers.push(fn),
  pid: process.pid,
  succeed: async (sockets) => {
    const { startSuccessor } = await import('./cli/successor.ts');
    const args = [...process.execArgv, ...process.argv.slice(1)];
    return startSuccessor({ file: process.execPath, args, env: process.env }, sockets);
  },
  ready: () => {
    if (process.env[HANDED_VARIABLE] === undefined || process.send === undefined) return;
    // Whoever started it may be gone by now; then it is the only one.
    process.send('ready', () => {
      if (process.connected) process.disconnect();
    });
  },
  onCrash: (fn) => void crashes.push(fn),
};

/** The width of a terminal that does not know its own. */
const USUAL_COLUMNS = 80;

/** For commands whose results a person may look at: how wide that terminal is, and whether it may be coloured. */
const askIo = (): AskIo => ({
  ...io,
  terminal: process.stdout.isTTY
    ? { columns: process.stdout.columns || USUAL_COLUMNS, color: process.env['NO_COLOR'] === undefined }
    : undefined,
});

/** For the live view: the whole terminal, where there is one to show it and to be asked from. */
const topIo = async (): Promise<TopIo> => {
  const atExit = (fn: () => void): void => void process.on('exit', fn);
  const { liveTerminal } = await import('./cli/tty.ts');
  const asked = askIo();
  const live = process.stdout.isTTY
    ? liveTerminal(process.stdin, process.stdout, asked.terminal?.color === true)
    : undefined;
  return { ...io, ...asked, live, atExit };
};

const help = (verb: string | undefined): number => {
  if (verb === undefined) {
    io.out(OVERVIEW);
    return 0;
  }
  if (!isVerb(verb)) return unknown(verb);
  io.out(USAGE[verb]);
  return 0;
};

const isVerb = (word: string): word is Verb => (VERBS as readonly string[]).includes(word);

const unknown = (word: string): number => {
  const near = nearest(word, VERBS);
  io.err(`unknown verb "${word}"${near === undefined ? '' : `; did you mean "${near}"?`}\n\n${OVERVIEW}`);
  return 2;
};

/** Each verb loads only what it needs: a proxy has no use for the demonstration, nor a check for the proxy. */
const run = async (verb: string | undefined, rest: readonly string[]): Promise<number> => {
  if (verb === undefined || verb === '--help' || verb === '-h') return help(undefined);
  if (verb === '--version') return run('version', rest);
  if (!isVerb(verb)) return unknown(verb);
  if (rest.includes('--help') || rest.includes('-h')) return help(verb);
  switch (verb) {
    case 'serve':
      return (await import('./cli/serve.ts')).serveCommand(rest, io);
    case 'check': {
      const { parseContext } = await import('./cli/context.ts');
      return (await import('./cli/check.ts')).checkCommand(rest, io, parseContext(io.env));
    }
    case 'demo':
      return (await import('./cli/demo.ts')).demoCommand(rest, io);
    case 'sim':
      return (await import('./cli/sim.ts')).simCommand(rest, io);
    case 'explain':
      return (await import('./cli/explain.ts')).explainCommand(rest, askIo());
    case 'why':
      return (await import('./cli/why.ts')).whyCommand(rest, askIo());
    case 'top':
      return (await import('./cli/top.ts')).topCommand(rest, await topIo());
    case 'key':
      return (await import('./cli/key.ts')).keyCommand(rest, io);
    case 'completion':
      return (await import('./cli/completion.ts')).completionCommand(rest, io);
    case 'version':
      return (await import('./cli/version.ts')).versionCommand(rest, io);
    case 'help':
      return help(rest[0]);
  }
};

// Whoever read the results has enough of them (`| head`); a proxy goes on without those who read its first lines.
process.stdout.on('error', () => {
  if (verb !== 'serve') process.exit();
});
// There is nowhere left to say it.
process.stderr.on('error', () => undefined);
// Rejections that nobody handles come here too.
process.on('uncaughtException', crash);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.on('SIGHUP', () => {
  for (const reload of reloads) reload();
});
// Systems without this signal never send it.
process.on('SIGUSR2', () => {
  for (const handOver of handOvers) handOver();
});

process.exitCode = await run(verb, rest);
// What is left now are idle keep-alive sockets of clients; nothing waits for them.
if (stopping) process.exit();
