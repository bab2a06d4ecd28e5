import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { matchesWildcard } from '../core/wildcard.ts';
import { single } from '../forward/headers.ts';

/**
 * What Ollama's server does ahead of every route (server/routes.go at v0.33: allowedHostsMiddleware, gin-contrib/cors
 * 1.7.2). It is done here and not left to the backends, because they see another `Host` and no `Origin`: the names and
 * pages that a client may come from are those of this proxy.
 */
export interface FrontSettings {
  /** The proxy listens on a loopback address: only then are foreign `Host` names refused (DNS rebinding). */
  readonly loopback: boolean;
  /** This machine's own name, lower case. */
  readonly hostname: string;
  /** Origins allowed besides the built-in ones; `*` in the place of any text. */
  readonly origins: readonly string[];
  /** Whether the built-in ones are allowed: pages of this machine and of desktop apps. */
  readonly local: boolean;
  /** Request headers that pages may send besides those that Ollama allows. */
  readonly headers: readonly string[];
  /** Headers of answers that pages may read. */
  readonly exposeHeaders: readonly string[];
  /** How long browsers may remember a preflight. */
  readonly maxAgeMs: number;
}

/** `pass` lets a request through with headers for its answer; `answer` is the answer itself, without a body. */
export type FrontVerdict =
  | { readonly kind: 'pass'; readonly headers: readonly string[] }
  | { readonly kind: 'answer'; readonly status: number; readonly headers: readonly string[] };

const NOTHING: readonly string[] = [];
const PASS: FrontVerdict = { kind: 'pass', headers: NOTHING };
const FORBIDDEN: FrontVerdict = { kind: 'answer', status: 403, headers: ['content-length', '0'] };

/** envconfig/config.go AllowedOrigins. */
const BUILT_IN_ORIGIN =
  /^(?:https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::\d+)?|(?:app|file|tauri|vscode-webview|vscode-file):\/\/.*)$/;

const ALLOWED_HEADERS = [
  'Authorization',
  'Content-Type',
  'User-Agent',
  'Accept',
  'X-Requested-With',
  'Openai-Beta',
  ...['Arch', 'Async', 'Custom-Poll-Interval', 'Helper-Method', 'Lang', 'Os', 'Package-Version', 'Poll-Helper'].map(
    (name) => `X-Stainless-${name}`,
  ),
  ...['Retry-Count', 'Runtime', 'Runtime-Version', 'Timeout'].map((name) => `X-Stainless-${name}`),
];

/** Without its port; brackets of an IPv6 literal off. */
const hostName = (host: string): string =>
  host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();

/** A literal that cannot be a name on the internet: loopback, private, link-local or unspecified. */
const localAddress = (name: string): boolean => {
  const version = isIP(name);
  if (version === 4) return /^(127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|0\.0\.0\.0$)/.test(name);
  return version === 6 && /^(::1?$|f[cd]|fe[89ab])/.test(name);
};

const nameAllowed = (name: string, hostname: string): boolean =>
  name === '' || name === 'localhost' || name === hostname || /\.(localhost|local|internal)$/.test(name);

const originAllowed = (origin: string, { local, origins }: FrontSettings): boolean =>
  (local && BUILT_IN_ORIGIN.test(origin)) || origins.some((pattern) => matchesWildcard(pattern, origin));

/**
 * Judges `Host` and `Origin` of a request.
 * @param methods methods of the route that was asked for, for `Allow`; empty where there is no such route
 */
export const judgeFront = (req: IncomingMessage, settings: FrontSettings, methods: readonly string[]): FrontVerdict => {
  const host = req.headers.host ?? '';
  const origin = single(req.headers, 'origin');
  const known = methods.includes(req.method ?? '');
  const allow = known || methods.length === 0 ? NOTHING : ['allow', methods.join(', ')];
  if (origin !== undefined && origin !== '' && origin !== `http://${host}` && origin !== `https://${host}`) {
    if (!originAllowed(origin, settings)) return { ...FORBIDDEN, headers: [...FORBIDDEN.headers, ...allow] };
    if (req.method === 'OPTIONS') return preflight(origin, allow, settings);
    const { exposeHeaders } = settings;
    const exposed = exposeHeaders.length === 0 ? [] : ['access-control-expose-headers', exposeHeaders.join(',')];
    const headers = ['access-control-allow-origin', origin, ...exposed, 'vary', 'Origin'];
    return hostVerdict(req, settings, [...allow, ...headers]) ?? { kind: 'pass', headers };
  }
  return hostVerdict(req, settings, allow) ?? PASS;
};

/** How a `Host` stands to a loopback listener: an address of the neighbourhood, a name of this machine's, or neither. */
type Standing = 'address' | 'name' | 'foreign';

/** Clients say the same few again and again; what somebody makes up besides takes no more room than this. */
const STANDINGS_KEPT = 256;
const LONGEST_KEPT = 256;
const standings = new Map<string, Standing>();
/** Whose names they are. */
let standingsFor = '';

const standingOf = (host: string, hostname: string): Standing => {
  if (standingsFor !== hostname || standings.size >= STANDINGS_KEPT) {
    standings.clear();
    standingsFor = hostname;
  }
  const known = standings.get(host);
  if (known !== undefined) return known;
  const name = hostName(host);
  const standing = localAddress(name) ? 'address' : nameAllowed(name, hostname) ? 'name' : 'foreign';
  if (host.length <= LONGEST_KEPT) standings.set(host, standing);
  return standing;
};

/** The answer to a request by its `Host` alone; undefined when it may pass. Checked on a loopback address only. */
const hostVerdict = (
  req: IncomingMessage,
  settings: FrontSettings,
  headers: readonly string[],
): FrontVerdict | undefined => {
  if (!settings.loopback) return undefined;
  const standing = standingOf(req.headers.host ?? '', settings.hostname);
  if (standing === 'address') return undefined;
  if (standing === 'foreign') return { ...FORBIDDEN, headers: [...FORBIDDEN.headers, ...headers] };
  return req.method === 'OPTIONS' ? { kind: 'answer', status: 204, headers } : undefined;
};

const preflight = (origin: string, allow: readonly string[], settings: FrontSettings): FrontVerdict => ({
  kind: 'answer',
  status: 204,
  headers: [
    'access-control-allow-headers',
    [...ALLOWED_HEADERS, ...settings.headers].join(','),
    'access-control-allow-methods',
    'GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS',
    'access-control-allow-origin',
    origin,
    'access-control-max-age',
    String(Math.floor(settings.maxAgeMs / 1000)),
    ...allow,
    'vary',
    'Origin',
    'vary',
    'Access-Control-Request-Method',
    'vary',
    'Access-Control-Request-Headers',
  ],
});
