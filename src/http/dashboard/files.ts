import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AdminError } from '../admin/route.ts';

const HTML = 'text/html; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const JS = 'text/javascript; charset=utf-8';
const SVG = 'image/svg+xml';

/** What is served, and nothing else: the path of a request is looked up here and never becomes the path of a file. */
const FILES: ReadonlyMap<string, readonly [file: string, type: string]> = new Map<string, readonly [string, string]>([
  ['/', ['index.html', HTML]],
  ['/dashboard/style.css', ['style.css', CSS]],
  ['/dashboard/icon.svg', ['icon.svg', SVG]],
  ['/dashboard/theme.js', ['theme.js', JS]],
  ...[
    'api',
    'app',
    'bars',
    'charts',
    'controls',
    'decisions',
    'dialogs',
    'dom',
    'estimates',
    'feed',
    'format',
    'overview',
    'server-panel',
    'servers',
    'status',
    'store',
  ].map((name) => [`/dashboard/${name}.js`, [`${name}.js`, JS]] as const),
]);

/**
 * Everything from here, nothing inline, no frame around it, and no text that becomes script: a name of a model or an
 * error message of a server cannot do more than be read.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // Asked for again each time, and answered with 304: after an upgrade nobody sees the old page.
  'cache-control': 'no-cache',
};

interface Loaded {
  readonly body: Buffer;
  readonly etag: string;
}

const loaded = new Map<string, Promise<Loaded>>();

const load = (file: string): Promise<Loaded> => {
  const known = loaded.get(file);
  if (known !== undefined) return known;
  const reading = readFile(new URL(file, import.meta.url)).then((body) => ({
    body,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  }));
  loaded.set(file, reading);
  // A file that could not be read may be there the next time.
  reading.catch(() => loaded.delete(file));
  return reading;
};

/** Something of the dashboard is at this path. */
export const isDashboard = (path: string): boolean => FILES.has(path);

/** Paths of all its files. */
export const dashboardPaths = (): readonly string[] => [...FILES.keys()];

/** Answers with the file at `path`. @throws AdminError for another method than GET and HEAD, and where files are missing */
export const serveDashboard = async (req: IncomingMessage, res: ServerResponse, path: string): Promise<void> => {
  const [file, type] = FILES.get(path) ?? [];
  if (file === undefined || type === undefined) throw new AdminError(404, `nothing is at ${path}`);
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.setHeader('allow', 'GET, HEAD');
    throw new AdminError(405, `${path} is read with GET`);
  }
  const { body, etag } = await load(file).catch(() => {
    throw new AdminError(404, `${file} of the dashboard is not beside the program; the build copies it there`);
  });
  const same = (req.headers['if-none-match'] ?? '').split(',').some((each) => each.trim().replace(/^W\//, '') === etag);
  if (same) {
    res.writeHead(304, { ...HEADERS, etag });
    res.end();
    return;
  }
  res.writeHead(200, { ...HEADERS, etag, 'content-type': type, 'content-length': body.length });
  res.end(req.method === 'HEAD' ? undefined : body);
};
