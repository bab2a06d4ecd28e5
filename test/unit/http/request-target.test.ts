import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTarget, withoutDots } from '../../../src/http/request-target.ts';

describe('the target of a request', () => {
  it.each([
    ['/api/chat', { raw: '/api/chat', path: '/api/chat', query: '' }],
    ['/api/chat?a=//b?c', { raw: '/api/chat?a=//b?c', path: '/api/chat', query: '?a=//b?c' }],
    ['//api//chat', { raw: '//api//chat', path: '//api//chat', query: '' }],
    ['/api%2Fchat', { raw: '/api%2Fchat', path: '/api/chat', query: '' }],
    ['/v1/models/%E0%A4%A', { raw: '/v1/models/%E0%A4%A', path: '/v1/models/%E0%A4%A', query: '' }],
    ['http://proxy:11435/api/tags?x', { raw: '/api/tags?x', path: '/api/tags', query: '?x' }],
    ['HTTP://proxy', { raw: '/', path: '/', query: '' }],
    ['*', { raw: '*', path: '*', query: '' }],
  ])('%s', (url, target) => {
    expect(readTarget(url)).toEqual(target);
  });
});

describe('a path with dots', () => {
  it.each([
    ['/api/x/../version', '/api/version'],
    ['/../../etc/passwd', '/etc/passwd'],
    ['/api/%2e%2e/x?y=1', '/x?y=1'],
    ['/a/../b/', '/b/'],
    ['/..', '/'],
    ['/a b/../ü', '/%C3%BC'],
    ['/x/..%2f..%2fadmin', '/admin'],
  ])('%s leads to %s', (url, clean) => {
    expect(withoutDots(readTarget(url))).toBe(clean);
  });

  it.each(['/api/version', '/api/./version', '/api/..version', '//api', '/a...b'])('is not %s', (url) => {
    expect(withoutDots(readTarget(url))).toBeUndefined();
  });

  it('never leads out, and to a place without dots', () => {
    const segment = fc.constantFrom('..', '.', '', 'a', '%2e%2e', 'b%2f..', '%20', '\\..');
    fc.assert(
      fc.property(fc.array(segment), (segments) => {
        const clean = withoutDots(readTarget(`/${segments.join('/')}`));
        if (clean === undefined) return;
        expect(clean.startsWith('/') && !clean.startsWith('//')).toBe(true);
        expect(withoutDots(readTarget(clean))).toBeUndefined();
      }),
    );
  });
});
