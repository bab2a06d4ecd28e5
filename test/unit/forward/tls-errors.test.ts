import { describe, expect, it } from 'vitest';
import { classifyError } from '../../../src/forward/classify.ts';
import { connectionText, tlsAdvice } from '../../../src/forward/tls-errors.ts';

const coded = (code: string, message = 'boom'): Error => Object.assign(new Error(message), { code });

describe('an error of a connection', () => {
  it('of TLS says what is wrong and what to do, with its code', () => {
    expect(tlsAdvice(coded('CERT_HAS_EXPIRED'))).toMatch(
      /^its certificate has expired: renew it .* \(CERT_HAS_EXPIRED\)$/,
    );
    const wanted = tlsAdvice(coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'));
    expect(wanted).toContain('set backends[].tls.cert and key');
    expect(tlsAdvice(coded('ECONNREFUSED'))).toBeUndefined();
    expect(tlsAdvice('no error at all')).toBeUndefined();
  });

  it('of a name with several addresses is told by the first of them', () => {
    const all = new AggregateError([coded('ECONNREFUSED', 'connect ECONNREFUSED ::1:1'), coded('ETIMEDOUT')], '');
    expect(connectionText(all)).toBe('connect ECONNREFUSED ::1:1');
    expect(tlsAdvice(new AggregateError([coded('CERT_NOT_YET_VALID')], ''))).toContain('not valid yet');
  });

  it('of TLS is a failure of the backend, before anything was sent', () => {
    expect(classifyError(coded('SELF_SIGNED_CERT_IN_CHAIN'), 'connect')).toMatchObject({
      reason: 'connect',
      blame: 'backend',
      retryable: true,
      message: expect.stringMatching(/^connect: .*backends\[\]\.tls\.ca/),
    });
  });
});
