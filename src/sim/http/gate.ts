import type { Exchange } from './exchange.ts';
import { methodsOf } from './routes.ts';

const HTML = { 'Content-Type': 'text/html; charset=utf-8' };
const TEXT = { 'Content-Type': 'text/plain' };

const ALLOWED_HEADERS =
  'Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,X-Stainless-Async,' +
  'X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-Os,X-Stainless-Package-Version,' +
  'X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout';

const ALLOWED_ORIGIN =
  /^(?:https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\d+)?|(?:app|file|tauri|vscode-webview|vscode-file):\/\/.*)$/;

const redirect = (exchange: Exchange, status: 301 | 307, reason: string, target: string): void => {
  const location = `${target}${exchange.query}`;
  const shown = exchange.method === 'GET' || exchange.method === 'HEAD';
  const body = exchange.method === 'GET' ? `<a href="${location}">${reason}</a>.\n\n` : '';
  exchange.send(status, { ...(shown ? HTML : {}), Location: location }, body);
};

/** `path.Clean` of Go: no empty, `.` or `..` segments, a trailing slash stays. */
const cleanPath = (path: string): string => {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  const trailing = path.endsWith('/') && kept.length > 0 ? '/' : '';
  return `/${kept.join('/')}${trailing}`;
};

const PRIVATE_HOST =
  /^(?:|localhost|.*\.(?:localhost|local|internal)|\[.*\]|0\.0\.0\.0|127\.\d+\.\d+\.\d+|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+)$/;

const hostName = (host: string): string => host.replace(/:\d+$/, '').toLowerCase();

/** The Go mux's redirect of unclean paths, ahead of everything else. True = answered. */
const redirectUnclean = (exchange: Exchange): boolean => {
  const clean = cleanPath(exchange.path);
  if (clean === exchange.path) return false;
  redirect(exchange, 307, 'Temporary Redirect', clean);
  return true;
};

/** gin-contrib/cors 1.7.2 with Ollama's settings. True = answered. */
const checkOrigin = (exchange: Exchange): boolean => {
  const origin = exchange.header('origin');
  const host = exchange.header('host') ?? '';
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return false;
  if (!ALLOWED_ORIGIN.test(origin)) {
    exchange.send(403, {});
    return true;
  }
  exchange.common['Access-Control-Allow-Origin'] = origin;
  if (exchange.method !== 'OPTIONS') {
    exchange.common['Vary'] = 'Origin';
    return false;
  }
  exchange.send(204, {
    'Access-Control-Allow-Headers': ALLOWED_HEADERS,
    'Access-Control-Allow-Methods': 'GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS',
    'Access-Control-Max-Age': '43200',
    Vary: ['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers'],
  });
  return true;
};

/** Against DNS rebinding: a loopback listener answers only to local names (`allowedHostsMiddleware`). True = answered. */
const checkHost = (exchange: Exchange): boolean => {
  const name = hostName(exchange.header('host') ?? '');
  if (!PRIVATE_HOST.test(name)) {
    exchange.send(403, {});
    return true;
  }
  if (exchange.method !== 'OPTIONS' || !name.endsWith('localhost')) return false;
  exchange.send(204, {});
  return true;
};

/** Everything that Ollama's server does ahead of a handler, in its order. True = answered. */
export const passGate = (exchange: Exchange): boolean => {
  if (redirectUnclean(exchange)) return true;
  const { method, path } = exchange;
  const methods = methodsOf(path);
  const known = methods.includes(method);
  if (!known && methods.length > 0) exchange.common['Allow'] = methods.join(', ');
  if (checkOrigin(exchange) || checkHost(exchange)) return true;
  if (known) return false;
  if (methods.length > 0) {
    exchange.send(405, TEXT, '405 method not allowed');
    return true;
  }
  const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
  if (methodsOf(other).includes(method)) {
    const permanent = method === 'GET';
    redirect(exchange, permanent ? 301 : 307, permanent ? 'Moved Permanently' : 'Temporary Redirect', other);
    return true;
  }
  exchange.send(404, TEXT, '404 page not found');
  return true;
};
