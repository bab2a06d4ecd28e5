import { describe, expect, it } from 'vitest';
import { requestHeaders, responseHeaders, single, withoutHeader } from '../../../src/forward/headers.ts';

describe('headers on their way', () => {
  it('to a backend carry the request id and that backend’s own, whatever case the client used', () => {
    const raw = ['AUTHORIZATION', 'Bearer client', 'Host', 'proxy', 'X-Request-ID', 'forged', 'Expect', '100-continue'];
    expect(requestHeaders(raw, 'id-1', { authorization: 'Bearer backend' })).toEqual([
      'authorization',
      'Bearer backend',
      'x-request-id',
      'id-1',
    ]);
  });

  it('heed every Connection header of a message that has several', () => {
    const raw = ['Connection', 'close, X-D', 'X-A', '1', 'connection', 'x-a , X-B', 'X-B', '2', 'X-C', '3', 'x-d', '4'];
    expect(responseHeaders(raw)).toEqual(['X-C', '3']);
  });

  it('keep each byte of a value', () => {
    expect(responseHeaders([Buffer.from('x-a'), Buffer.from([0xe4, 0x80, 0xff])])).toEqual([
      'x-a',
      '\u00e4\u0080\u00ff',
    ]);
  });

  it('can be stripped of a length', () => {
    expect(withoutHeader(['A', '1', 'Content-Length', '5', 'a', '2'], 'content-length')).toEqual(['A', '1', 'a', '2']);
  });

  it('that may come once give their first value', () => {
    expect(single({ 'x-a': ['1', '2'] }, 'x-a')).toBe('1');
    expect(single({ 'x-a': '1' }, 'x-a')).toBe('1');
    expect(single({}, 'x-a')).toBeUndefined();
  });
});
