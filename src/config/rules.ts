import { headerNameProblem, readBackendUrl } from './backend-values.ts';
import { categoryRule } from './category-rules.ts';
import { changesRule } from './change-rules.ts';
import { keysRule } from './key-rules.ts';
import { listenerProblems } from './listeners.ts';
import { didYouMean } from './nearest.ts';
import { backendTlsRule } from './tls-rules.ts';
import { aliasRule, virtualModelRule } from './name-rules.ts';
import { entriesAt, error, itemsAt, type Finding, type Path, type Rule, valueAt } from './raw.ts';
import { fileSchema } from './schema.ts';
import { quote } from './units.ts';

/** Backends: names and URLs of their own, and headers that may be sent. */
export const backendRule: Rule = (tree) => {
  const findings: Finding[] = [];
  const names = new Map<string, number>();
  const urls = new Map<string, number>();
  for (const [index, backend] of itemsAt(tree, 'backends').entries()) {
    const name = valueAt(backend, 'name');
    if (typeof name === 'string') {
      const first = names.get(name);
      if (first === undefined) names.set(name, index);
      else {
        const message = `duplicate backend name ${quote(name)}, which backends[${first}] has already: give each its own`;
        findings.push(error(['backends', index, 'name'], message));
      }
    }
    const text = valueAt(backend, 'url');
    const url = typeof text === 'string' ? readBackendUrl(text) : undefined;
    if (url?.ok === true) {
      const first = urls.get(url.value.href);
      if (first === undefined) urls.set(url.value.href, index);
      else {
        const message = `duplicate URL, which backends[${first}] has already: one server is one backend, its weight says how much it gets`;
        findings.push(error(['backends', index, 'url'], message));
      }
    }
    const headers = new Set<string>();
    for (const [header] of entriesAt(backend, 'headers')) {
      const repeated = headers.has(header.toLowerCase()) ? `"${header}" is set twice` : undefined;
      const problem = headerNameProblem(header) ?? repeated;
      headers.add(header.toLowerCase());
      if (problem !== undefined) findings.push(error(['backends', index, 'headers', header], problem, 'key'));
    }
  }
  return findings;
};

const strategyRule: Rule = (tree, { strategies }) => {
  const strategy = valueAt(tree, 'routing', 'strategy');
  if (typeof strategy !== 'string' || strategy.trim() === '' || strategies.includes(strategy)) return [];
  return [error(['routing', 'strategy'], unknownStrategy(strategy, strategies))];
};

/** Says that there is no such strategy, which one may have been meant, and which there are. */
export const unknownStrategy = (name: string, strategies: readonly string[]): string =>
  `unknown strategy ${quote(name)}${didYouMean(name, strategies) || ':'} strategies are ${strategies.join(', ')}`;

const listenerRule: Rule = (tree, { env }) => {
  const { listen, admin, metrics } = fileSchema.shape;
  const places = [
    { name: 'proxy', path: ['listen'], schema: listen },
    { name: 'admin', path: ['admin', 'listen'], schema: admin.unwrap().shape.listen },
    { name: 'metrics', path: ['metrics', 'listen'], schema: metrics.unwrap().shape.listen },
  ] as const;
  const listeners = places.flatMap(({ name, path, schema }) => {
    const address = schema.safeParse(valueAt(tree, ...path)).data;
    return address === undefined ? [] : [{ name, path, address }];
  });
  // The environment beats the file, and a token there is a token.
  const given = [env['TASK_ROUTER_ADMIN_TOKEN'], valueAt(tree, 'admin', 'token'), valueAt(tree, 'admin', 'token_file')];
  const token = given.find((one) => typeof one !== 'undefined' && one !== '');
  return listenerProblems(listeners, token === undefined ? undefined : 'set').map(({ listener, message }) => {
    const path = listeners.find(({ name }) => name === listener.name)?.path ?? [];
    return error(path, message);
  });
};

/** Pins name backends; a file whose backends come from a flag or the environment may name some that it does not list. */
const pinRule: Rule = (tree) => {
  const known = itemsAt(tree, 'backends').flatMap((backend) => {
    const name = valueAt(backend, 'name');
    return typeof name === 'string' ? [name] : [];
  });
  const unknown = entriesAt(tree, 'placement', 'pin').filter(([name]) => !known.includes(name));
  return unknown.map(([name]) => ({
    path: ['placement', 'pin', name],
    message: `no backend is called ${quote(name)}${didYouMean(name, known) || ': add it to backends, or take the pin away'}`,
    at: 'key',
    level: 'warning',
  }));
};

/** What must not be ignored in silence: run without it, the proxy would be less safe or less useful than asked for. */
const notOfferedRule: Rule = (tree) => {
  const findings: Finding[] = [];
  const refuse = (path: Path, what: string, advice: string): void => {
    const message = `this version does not offer ${what} and will not run as if it did: ${advice}`;
    findings.push(error(path, message, 'key'));
  };
  const workers = Number(valueAt(tree, 'workers') ?? 1);
  if (workers > 1) refuse(['workers'], 'more than one worker', 'write 1');
  const kind = valueAt(tree, 'state', 'kind');
  if (kind === 'redis') refuse(['state', 'kind'], 'state in Redis', 'write file and a path, or memory');
  return findings;
};

const stateRule: Rule = (tree) => {
  if (valueAt(tree, 'state', 'kind') !== 'file' || valueAt(tree, 'state', 'path') !== undefined) return [];
  const message = 'needs state.path, the file to write, like ./state/router.json';
  return [error(['state', 'kind'], message)];
};

/** What is understood and changes nothing yet; a value that is the default asks for nothing. */
const noEffectRule: Rule = (tree) => {
  const findings: Finding[] = [];
  const warn = (path: Path, idle: readonly unknown[]): void => {
    const value = valueAt(tree, ...path);
    if (value === undefined || idle.includes(value)) return;
    findings.push({ path, message: 'has no effect in this version', at: 'key', level: 'warning' });
  };
  warn(['routing', 'zone'], ['default']);
  for (const index of itemsAt(tree, 'backends').keys()) {
    warn(['backends', index, 'zone'], ['default']);
  }
  if (valueAt(tree, 'state', 'kind') !== 'file') warn(['state', 'path'], []);
  if (valueAt(tree, 'state', 'kind') !== 'redis') warn(['state', 'url'], []);
  return findings;
};

const RULES: readonly Rule[] = [
  backendRule,
  backendTlsRule,
  strategyRule,
  virtualModelRule,
  categoryRule,
  aliasRule,
  changesRule,
  keysRule,
  pinRule,
  listenerRule,
  stateRule,
  notOfferedRule,
  noEffectRule,
];

/** Everything that the rules find in a tree. */
export const checkRules: Rule = (tree, context) => RULES.flatMap((rule) => rule(tree, context));
