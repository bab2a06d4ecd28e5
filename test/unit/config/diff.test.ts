import { describe, expect, it } from 'vitest';
import { configDiff, redactConfig } from '../../../src/config/parse.ts';
import { configOf } from './context.ts';

const base = `
admin: { token: old-secret }
backends:
  - { name: a, url: http://a:1, headers: { authorization: old-header } }
  - { name: b, url: http://b:1 }
`;

describe('a shown configuration', () => {
  it('has the keys and the notation of the file, and no secret', () => {
    const shown = redactConfig(configOf(base));
    expect(shown).toMatchObject({
      listen: '127.0.0.1:11435',
      admin: { token: '[hidden]' },
      backends: [{ url: 'http://a:1', headers: { authorization: '[hidden]' } }, { name: 'b' }],
      queue: { max_wait: '5m' },
      limits: { body: '256MiB' },
      metrics: { listen: 'off' },
    });
    expect(JSON.stringify(shown)).not.toContain('old-');
  });
});

describe('the difference between two configurations', () => {
  it('is nothing for the same text, and for other order of the same backends', () => {
    expect(configDiff(configOf(base), configOf(base))).toEqual([]);
    const turned = 'backends: [{ name: b, url: "http://b:1" }, { name: a, url: "http://a:1" }]';
    const straight = 'backends: [{ name: a, url: "http://a:1" }, { name: b, url: "http://b:1" }]';
    expect(configDiff(configOf(straight), configOf(turned))).toEqual([]);
  });

  it('names each value that changed, backends by their name', () => {
    const after = `
admin: { token: old-secret }
backends:
  - { name: a, url: http://a:1, weight: 2, headers: { authorization: old-header } }
  - { name: c, url: http://c:1 }
queue: { max_wait: 1m }
aliases: { x: m }
`;
    expect(configDiff(configOf(base), configOf(after))).toEqual([
      { path: 'backends.a.weight', before: 1, after: 2 },
      { path: 'backends.b', before: expect.objectContaining({ url: 'http://b:1' }), after: undefined },
      { path: 'backends.c', before: undefined, after: expect.objectContaining({ url: 'http://c:1' }) },
      { path: 'aliases.x', before: undefined, after: 'm' },
      { path: 'queue.max_wait', before: '5m', after: '1m' },
    ]);
  });

  it('tells that a secret changed without telling the secret', () => {
    expect(configDiff(configOf(base), configOf(base.replaceAll('old-', 'new-')))).toEqual([
      { path: 'admin.token', before: '[hidden]', after: '[hidden]' },
      { path: 'backends.a.headers.authorization', before: '[hidden]', after: '[hidden]' },
    ]);
  });
});
