import { errorText } from '../core/errors.ts';

const CA = 'set backends[].tls.ca to the certificate of whoever signed it';

/** What OpenSSL and Node call a failed handshake, and what is to be done about it. */
const ADVICE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is signed by itself and not trusted: ${CA}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate is signed by a CA that is not trusted here: ${CA}`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificate is signed by a CA that is not trusted here: ${CA}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate is signed by a CA that is not trusted here: ${CA}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `nobody here trusts its certificate, or the server leaves out a part of the chain: ${CA}`,
  CERT_SIGNATURE_FAILURE: `its certificate was not signed by the CA that it names: ${CA}`,
  CERT_HAS_EXPIRED:
    'its certificate has expired: renew it on the server, and see that the clocks here and there are right',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: see that the clocks here and there are right',
  CERT_REVOKED: 'its certificate was revoked: renew it on the server',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: use that name in the URL, or set backends[].tls.server_name to it',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port: write http:// in its URL, or the port that does',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on this port: write http:// in its URL, or the port that does',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a certificate from us: set backends[].tls.cert and key',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'it refuses the handshake: it may want a certificate (backends[].tls.cert and key)',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    'it does not trust our certificate: see backends[].tls.cert, and what the server trusts',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not take our certificate: see backends[].tls.cert',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'our certificate has expired: renew the one in backends[].tls.cert',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks only TLS versions that are not used any more: update the server',
};

const codeOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
};

/** A name with several addresses fails with a list: the first in it is of the address that is preferred. */
const causeOf = (error: unknown): unknown => (error instanceof AggregateError ? (error.errors[0] ?? error) : error);

/** What a connection that failed for its TLS needs, with the code of the error; undefined = that was not the cause. */
export const tlsAdvice = (error: unknown): string | undefined => {
  const code = codeOf(causeOf(error));
  const advice = ADVICE[code];
  return advice && `${advice} (${code})`;
};

/** The words of an error of a connection, which a list of them has none of. */
export const connectionText = (error: unknown): string => errorText(causeOf(error));
