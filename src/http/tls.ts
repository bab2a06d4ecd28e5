import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { readPem } from '../config/pem.ts';
import type { ListenerTls } from '../config/types.ts';
import { errorText } from '../core/errors.ts';
import type { Checked, Issue } from '../core/types.ts';

/** What TLS 1.2 leaves out, RFC 8996 has retired. */
const OLDEST_TLS = 'TLSv1.2';

/** Certificates and key of a listener, read and found to go together. */
export interface LoadedTls {
  readonly context: SecureContextOptions;
  /** Clients must show a certificate. */
  readonly asksClients: boolean;
  /** Whom the certificate is for and until when, in the words of the certificate; for the log. */
  readonly about: {
    readonly subject: string;
    readonly names: string;
    readonly notBefore: string;
    readonly notAfter: string;
  };
}

type Key = 'cert' | 'key' | 'client_ca';

/** OpenSSL's own words name neither file nor remedy. */
const problemOf = (error: unknown): readonly [Key, string] => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') {
    return ['key', 'is not the key of the certificate in cert: name the two that belong together'];
  }
  return ['cert', `cannot be used: ${errorText(error)}`];
};

/**
 * Reads what a listener needs for HTTPS, from its settings or the files that they name. All problems that can be told
 * apart at once; texts of files are never quoted.
 * @param path where the settings stand, `admin.tls`; issues begin with it
 */
export const loadListenerTls = (tls: ListenerTls, path: string): Checked<LoadedTls> => {
  const issues: Issue[] = [];
  const bad = (key: Key, message: string): undefined => {
    issues.push({ path: `${path}.${key}`, line: 0, column: 0, message });
    return undefined;
  };
  const pem = (key: Key, source: string): string | undefined => {
    const reading = readPem(source);
    return reading.ok ? reading.value : bad(key, reading.message);
  };
  const attempt = <T>(key: Key, what: string, run: () => T): T | undefined => {
    try {
      return run();
    } catch (error) {
      return bad(key, `${what}: ${errorText(error)}`);
    }
  };
  const cert = pem('cert', tls.cert);
  const key = pem('key', tls.key);
  const ca = tls.clientCa === undefined ? undefined : pem('client_ca', tls.clientCa);
  const first =
    cert === undefined ? undefined : attempt('cert', 'holds no certificate', () => new X509Certificate(cert));
  if (ca !== undefined) attempt('client_ca', 'holds no certificate', () => new X509Certificate(ca));
  if (key !== undefined) {
    attempt('key', 'holds no private key that can be read without a password', () => createPrivateKey(key));
  }
  if (issues.length > 0 || first === undefined || cert === undefined || key === undefined) return { ok: false, issues };
  const context: SecureContextOptions = { cert, key, minVersion: OLDEST_TLS, ...(ca === undefined ? {} : { ca }) };
  try {
    createSecureContext(context);
  } catch (error) {
    bad(...problemOf(error));
    return { ok: false, issues };
  }
  const { subject, subjectAltName = '', validFrom, validTo } = first;
  const about = {
    subject: subject.replaceAll('\n', ', '),
    names: subjectAltName,
    notBefore: validFrom,
    notAfter: validTo,
  };
  return { ok: true, value: { context, asksClients: ca !== undefined, about } };
};
