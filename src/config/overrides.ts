import type { Checked, Issue } from '../core/types.ts';
import { readBackendUrl, readToken } from './backend-values.ts';
import { buildBackend } from './build.ts';
import { listenerProblems, type Listener } from './listeners.ts';
import { unknownStrategy } from './rules.ts';
import { fileSchema } from './schema.ts';
import type { BackendConfig, Config, ParseContext } from './types.ts';
import { bad, good, readHostPort, type Reading } from './units.ts';

/** What the command line may say instead of the file; undefined = not said. */
export interface Overrides {
  readonly listen?: string | undefined;
  readonly adminListen?: string | undefined;
  /** URLs; together they replace the backends of the file. */
  readonly backends?: readonly string[] | undefined;
  readonly strategy?: string | undefined;
}

/** A name for a backend that was given as a URL alone: its host, with the port or a number where that is taken. */
const nameOf = (url: URL, taken: ReadonlySet<string>): string => {
  const host = url.hostname.replaceAll(/[^\w.-]+/g, '-').replaceAll(/^[^A-Za-z0-9]+|-+$/g, '') || 'backend';
  const withPort = `${host}-${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
  let name = taken.has(host) ? withPort : host;
  for (let count = 2; taken.has(name); count += 1) name = `${withPort}-${count}`;
  return name;
};

const readBackends = (texts: readonly string[]): Reading<readonly BackendConfig[]> => {
  const backends: BackendConfig[] = [];
  const names = new Set<string>();
  for (const text of texts) {
    const url = readBackendUrl(text.trim());
    if (!url.ok) return url;
    if (backends.some((one) => one.url.href === url.value.href)) return bad(`${url.value.href} is named twice`);
    const name = nameOf(url.value, names);
    names.add(name);
    backends.push(buildBackend(fileSchema.shape.backends.unwrap().element.parse({ name, url: url.value.href })));
  }
  return good(Object.freeze(backends));
};

/** A value and who gave it, the flag before the variable; an empty variable counts as unset. */
interface Given<T> {
  readonly from: string;
  readonly value: T;
}

/**
 * Lays flags and `TASK_ROUTER_*` variables (LISTEN, ADMIN_LISTEN, BACKENDS with commas between, STRATEGY, ADMIN_TOKEN,
 * LOG_LEVEL) over a configuration: flags beat the environment, which beats the file. All problems at once; an issue's
 * path is the flag or the variable, its line and column are 0.
 */
export const applyOverrides = (config: Config, overrides: Overrides, context: ParseContext): Checked<Config> => {
  const issues: Issue[] = [];

  const variable = (name: string): Given<string> | undefined => {
    const value = context.env[name];
    return value === undefined || value === '' ? undefined : { from: name, value };
  };
  const given = <T>(flag: string, value: T | undefined): Given<T> | undefined =>
    value === undefined ? undefined : { from: flag, value };
  const take = <T, V>(source: Given<T> | undefined, fallback: V, read: (value: T) => Reading<V>): V => {
    if (source === undefined) return fallback;
    const reading = read(source.value);
    if (reading.ok) return reading.value;
    issues.push({ path: source.from, line: 0, column: 0, message: reading.message });
    return fallback;
  };

  const listenFrom = given('--listen', overrides.listen) ?? variable('TASK_ROUTER_LISTEN');
  const adminFrom = given('--admin-listen', overrides.adminListen) ?? variable('TASK_ROUTER_ADMIN_LISTEN');
  const tokenFrom = variable('TASK_ROUTER_ADMIN_TOKEN');
  const urls = variable('TASK_ROUTER_BACKENDS');
  const flagUrls = overrides.backends === undefined || overrides.backends.length === 0 ? undefined : overrides.backends;
  const backendsFrom =
    given('--backend', flagUrls) ??
    (urls === undefined
      ? undefined
      : { from: urls.from, value: urls.value.split(',').filter((text) => text.trim() !== '') });

  const next: Config = Object.freeze({
    ...config,
    listen: take(listenFrom, config.listen, readHostPort),
    admin: Object.freeze({
      ...config.admin,
      listen: take(adminFrom, config.admin.listen, readHostPort),
      token: take(tokenFrom, config.admin.token, readToken),
    }),
    backends: take(backendsFrom, config.backends, readBackends),
    routing: Object.freeze({
      ...config.routing,
      strategy: take(
        given('--strategy', overrides.strategy) ?? variable('TASK_ROUTER_STRATEGY'),
        config.routing.strategy,
        (name) => (context.strategies.includes(name) ? good(name) : bad(unknownStrategy(name, context.strategies))),
      ),
    }),
    logging: Object.freeze({
      ...config.logging,
      level: take(variable('TASK_ROUTER_LOG_LEVEL'), config.logging.level, (level): Reading<string> => {
        const checked = fileSchema.shape.logging.unwrap().shape.level.safeParse(level);
        return checked.success ? good(checked.data) : bad(checked.error.issues[0]?.message ?? 'is not a level');
      }),
    }),
  });

  const listeners: Listener[] = [
    { name: 'proxy', address: next.listen },
    { name: 'admin', address: next.admin.listen },
  ];
  if (next.metrics.listen !== undefined) listeners.push({ name: 'metrics', address: next.metrics.listen });
  // The file alone has been checked before: whatever is wrong now is about something that was overridden.
  const fromOf = (listener: Listener | undefined): string | undefined =>
    listener === undefined
      ? undefined
      : { proxy: listenFrom, admin: adminFrom, metrics: undefined }[listener.name]?.from;
  for (const { listener, other, message } of listenerProblems(listeners, next.admin.token)) {
    issues.push({
      path: fromOf(listener) ?? fromOf(other) ?? `${listener.name} listener`,
      line: 0,
      column: 0,
      message,
    });
  }
  return issues.length === 0 ? { ok: true, value: next } : { ok: false, issues };
};
