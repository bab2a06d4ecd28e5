import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { createSecureContext } from 'node:tls';
import { readPem } from '../config/pem.ts';
import type { BackendTls } from '../config/types.ts';
import { errorText } from '../core/errors.ts';
import type { Checked, Issue } from '../core/types.ts';

/** How connections to one backend are made, in the options of `net.connect` and `tls.connect`. */
export interface ConnectOptions {
  readonly lookup?: LookupFunction;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Reads what is needed to recognise a backend, or to be recognised by it. Texts of files are never quoted. */
export const loadBackendTls = (tls: BackendTls | undefined): Checked<ConnectOptions> => {
  if (tls === undefined) return { ok: true, value: {} };
  const issues: Issue[] = [];
  const bad = (key: string, message: string): void => {
    issues.push({ path: `tls.${key}`, line: 0, column: 0, message });
  };
  const pem = (key: string, source: string | undefined, holds: string, check: (text: string) => unknown) => {
    if (source === undefined) return undefined;
    const reading = readPem(source);
    if (!reading.ok) {
      bad(key, reading.message);
      return undefined;
    }
    try {
      check(reading.value);
    } catch (error) {
      bad(key, `holds no ${holds}: ${errorText(error)}`);
    }
    return reading.value;
  };
  const certificate = (text: string): unknown => new X509Certificate(text);
  const ca = pem('ca', tls.ca, 'certificate', certificate);
  const cert = pem('cert', tls.cert, 'certificate', certificate);
  const key = pem('key', tls.key, 'private key that can be read without a password', createPrivateKey);
  const value: ConnectOptions = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.insecureSkipVerify ? { rejectUnauthorized: false } : {}),
  };
  if (issues.length > 0) return { ok: false, issues };
  try {
    createSecureContext(value);
  } catch {
    bad('key', 'is not the key of the certificate in tls.cert: name the two that belong together');
    return { ok: false, issues };
  }
  return { ok: true, value };
};

/** Whether connections made one way are as good as those made the other. */
export const sameConnect = (a: ConnectOptions, b: ConnectOptions): boolean =>
  a.lookup === b.lookup &&
  a.ca === b.ca &&
  a.cert === b.cert &&
  a.key === b.key &&
  a.servername === b.servername &&
  a.rejectUnauthorized === b.rejectUnauthorized;
