import { parseArgs } from 'node:util';
import { App, UnusableFilesError } from '../app.ts';
import { applyOverrides, loadConfigFile, type Overrides } from '../config/load.ts';
import { defaultConfig, formatIssue, type ParseContext } from '../config/parse.ts';
import type { Config, HostPort, ListenerTls } from '../config/types.ts';
import { formatHostPort } from '../config/units.ts';
import { watchFile } from '../config/watch.ts';
import { errorText } from '../core/errors.ts';
import type { Checked, Issue } from '../core/types.ts';
import type { HandedSockets } from '../http/listeners.ts';
import { createLog } from '../log.ts';
import { parseContext } from './context.ts';
import { handedSockets } from './handed.ts';
import type { Io } from './io.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

/** What a process that dies of an error spends on writing down what it has learned. */
const LAST_WORDS_MS = 2_000;

/** Where an Ollama server is when nobody says anything else. */
const DEFAULT_BACKEND = 'http://127.0.0.1:11434';

interface Flags extends Overrides {
  readonly config: string | undefined;
  readonly help: boolean;
}

const readFlags = (argv: readonly string[]): Flags => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: 'string' },
      listen: { type: 'string' },
      'admin-listen': { type: 'string' },
      backend: { type: 'string', multiple: true },
      strategy: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { config, listen, backend, strategy, help } = values;
  return { config, listen, adminListen: values['admin-listen'], backends: backend, strategy, help };
};

/** File, then environment, then flags; where no backend is named anywhere, the usual place of a local Ollama. */
const assemble = async (
  flags: Flags,
  context: ParseContext,
  warn: (issue: Issue) => void,
): Promise<Checked<{ readonly config: Config; readonly assumed: boolean }>> => {
  let config: Config;
  if (flags.config === undefined) {
    config = defaultConfig(context);
  } else {
    const loaded = await loadConfigFile(flags.config, context);
    if (!loaded.ok) return loaded;
    config = loaded.value.config;
    loaded.value.warnings.forEach(warn);
  }
  const overridden = applyOverrides(config, flags, context);
  if (!overridden.ok) return overridden;
  if (overridden.value.backends.length > 0) return { ok: true, value: { config: overridden.value, assumed: false } };
  const local = applyOverrides(config, { ...flags, backends: [DEFAULT_BACKEND] }, context);
  return local.ok ? { ok: true, value: { config: local.value, assumed: true } } : local;
};

const urlOf = (address: HostPort, tls: ListenerTls | undefined): string =>
  `${tls === undefined ? 'http' : 'https'}://${formatHostPort(address)}`;

/**
 * `serve`: the proxy, until a signal stops it.
 * @returns 0 after a clean drain, 1 when it cannot run or requests had to be cut off, 2 for bad usage or configuration
 */
export const serveCommand = async (argv: readonly string[], io: Io): Promise<number> => {
  let flags: Flags;
  try {
    flags = readFlags(argv);
  } catch (error) {
    io.err(`serve: ${problemOf(error, 'serve')}\n\n${USAGE.serve}`);
    return 2;
  }
  if (flags.help) {
    io.out(USAGE.serve);
    return 0;
  }
  const context = parseContext(io.env);
  const file = flags.config ?? 'serve';
  const issueText = (issue: Issue): string =>
    issue.line > 0 ? formatIssue(file, issue) : `${issue.path === '' ? 'serve' : issue.path}: ${issue.message}`;
  const warn = (issue: Issue): void => io.err(`${issueText(issue)}\n`);
  const first = await assemble(flags, context, warn);
  if (!first.ok) {
    for (const issue of first.issues) io.err(`${issueText(issue)}\n`);
    return 2;
  }
  const { config, assumed } = first.value;
  const log = createLog({
    level: config.logging.level,
    format: config.logging.format ?? (io.interactive ? 'pretty' : 'json'),
    color: io.color,
  });
  if (assumed) log.info({ backend: DEFAULT_BACKEND }, `no backend is named; trying ${DEFAULT_BACKEND}`);

  let handed: HandedSockets;
  try {
    handed = handedSockets(io);
  } catch (error) {
    io.err(`serve: ${errorText(error)}\n`);
    return 2;
  }
  const app = new App({
    config,
    log,
    handed,
    ...(flags.config === undefined
      ? {}
      : {
          reread: async () => {
            const next = await assemble(flags, context, (issue) => log.warn({ issue }, issueText(issue)));
            return next.ok ? { ok: true, value: next.value.config } : next;
          },
        }),
  });
  let addresses: Awaited<ReturnType<App['start']>>;
  try {
    addresses = await app.start();
  } catch (error) {
    if (error instanceof UnusableFilesError) for (const issue of error.issues) io.err(`serve: ${issueText(issue)}\n`);
    else io.err(`serve: cannot listen: ${errorText(error)}\n`);
    return 1;
  }
  io.out(`proxy ${urlOf(addresses.proxy, config.tls)}\nadmin ${urlOf(addresses.admin, config.admin.tls)}\n`);
  log.info({ event: 'started', ...addresses, strategy: config.routing.strategy }, 'ready for clients');

  const watcher =
    flags.config === undefined ? undefined : watchFile(flags.config, () => void app.reload('file change'));
  io.onReload(() => void app.reload('SIGHUP'));
  io.onCrash(async (error) => {
    log.error({ event: 'crashed', error: errorText(error) }, 'an error was not caught; the process ends');
    await app.save(LAST_WORDS_MS);
  });
  io.ready();
  return new Promise((resolve) => {
    let handing: 'no' | 'trying' | 'done' = 'no';
    const handOver = async (): Promise<void> => {
      if (handing !== 'no') return;
      handing = 'trying';
      log.info({ event: 'handing-over' }, 'starting a process that takes over');
      await app.save(LAST_WORDS_MS);
      try {
        const pid = await io.succeed(app.sockets);
        handing = 'done';
        log.info({ event: 'handed-over', pid }, `process ${pid} takes new connections; this one finishes what it has`);
      } catch (error) {
        handing = 'no';
        const fields = { event: 'hand-over-failed', error: errorText(error) };
        log.error(fields, `no other process takes over: ${errorText(error)}; this one goes on`);
        return;
      }
      watcher?.stop();
      const clean = await app.retire(config.limits.drainTimeoutMs);
      log.info({ event: 'stopped', clean }, clean ? 'stopped' : 'stopped; some requests were cut off');
      resolve(clean ? 0 : 1);
    };
    io.onHandOver(() => void handOver());
    io.onStop(async () => {
      // It finishes what it has already, and ends then.
      if (handing === 'done') return;
      watcher?.stop();
      log.info({ event: 'draining' }, 'draining: no new connection, requests under way finish');
      const clean = await app.drain(config.limits.drainTimeoutMs);
      log.info({ event: 'stopped', clean }, clean ? 'stopped' : 'stopped; some requests were cut off');
      resolve(clean ? 0 : 1);
    });
  });
};
