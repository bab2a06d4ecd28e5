import { readBackendUrl } from './backend-values.ts';
import { error, itemsAt, type Finding, type Rule, valueAt } from './raw.ts';

/** A setting with its keys in one order and its default in place, to be compared. */
const written = (tls: unknown): string =>
  JSON.stringify(
    ['ca', 'server_name', 'insecure_skip_verify', 'cert', 'key'].map(
      (key) => valueAt(tls, key) ?? (key === 'insecure_skip_verify' ? false : ''),
    ),
  );

/**
 * TLS towards backends: only where the URL is https, a certificate with its key, and one setting for each address,
 * since connections are kept by address. Not to look at certificates is worth a warning.
 */
export const backendTlsRule: Rule = (tree) => {
  const findings: Finding[] = [];
  const byOrigin = new Map<string, { readonly index: number; readonly tls: string }>();
  for (const [index, backend] of itemsAt(tree, 'backends').entries()) {
    const text = valueAt(backend, 'url');
    const url = typeof text === 'string' ? readBackendUrl(text) : undefined;
    if (url?.ok !== true) continue;
    const { protocol, origin } = url.value;
    const tls = valueAt(backend, 'tls');
    const path = ['backends', index, 'tls'];
    if (tls !== undefined && protocol !== 'https:') {
      findings.push(error(path, 'is for an https:// URL: change the URL, or remove tls', 'key'));
      continue;
    }
    const cert = valueAt(tls, 'cert');
    if ((cert === undefined) !== (valueAt(tls, 'key') === undefined)) {
      const missing = cert === undefined ? 'cert' : 'key';
      findings.push(error(path, `a certificate to show needs both cert and key: add ${missing}`, 'key'));
    }
    if (String(valueAt(tls, 'insecure_skip_verify')) === 'true') {
      const message = 'whoever is on the way can read and change everything: set ca or server_name instead';
      findings.push({ path: [...path, 'insecure_skip_verify'], message, at: 'key', level: 'warning' });
    }
    const first = byOrigin.get(origin);
    if (first === undefined) byOrigin.set(origin, { index, tls: written(tls) });
    else if (first.tls !== written(tls)) {
      const message = `must be the same as of backends[${first.index}], which is at the same address (${origin})`;
      findings.push(error(tls === undefined ? ['backends', index] : path, message, 'key'));
    }
  }
  return findings;
};
