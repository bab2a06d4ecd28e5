import { expect, it } from 'vitest';
import { RouteGaps } from '../../../src/http/route-gaps.ts';

const old = { id: 'a', version: '0.24.0' };

it('remembers for one server, one route and one version', () => {
  const gaps = new RouteGaps();
  gaps.learn(old, 'POST', '/v1/responses');
  expect(gaps.lacks(old, 'POST', '/v1/responses')).toBe(true);
  expect(gaps.lacks(old, 'GET', '/v1/responses')).toBe(false);
  expect(gaps.lacks(old, 'POST', '/v1/messages')).toBe(false);
  expect(gaps.lacks({ ...old, id: 'b' }, 'POST', '/v1/responses')).toBe(false);
  expect(gaps.lacks({ ...old, version: '0.33.0' }, 'POST', '/v1/responses')).toBe(false);
});

it('forgets what it learned longest ago, so that clients cannot fill the memory with paths', () => {
  const gaps = new RouteGaps();
  gaps.learn(old, 'POST', '/first');
  gaps.learn(old, 'POST', '/second');
  for (let i = 0; i < 510; i++) gaps.learn(old, 'GET', `/scan/${i}`);
  gaps.learn(old, 'POST', '/first');
  gaps.learn(old, 'GET', '/one-more');
  expect(gaps.lacks(old, 'POST', '/first')).toBe(true);
  expect(gaps.lacks(old, 'POST', '/second')).toBe(false);
});
