import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { configOf, contextWith, problemsOf } from './context.ts';

const backend = (keys: string): string => `backends: [{ name: a, url: "http://a:1", ${keys} }]`;

describe('what a configuration may not say', () => {
  it.each([
    [
      'two backends of one name',
      'backends: [{ name: a, url: "http://a:1" }, { name: a, url: "http://b:1" }]',
      'duplicate backend name "a"',
    ],
    [
      'two backends with one URL',
      'backends: [{ name: a, url: "http://a:80/" }, { name: b, url: "http://A" }]',
      'duplicate URL',
    ],
    ['a URL with a query', 'backends: [{ name: a, url: "http://a:1/?x=1" }]', 'must end after its path'],
    ['a URL of another kind', 'backends: [{ name: a, url: "ftp://a" }]', 'must start with http:// or https://'],
    ['a weight of zero', backend('weight: 0'), '0 is not a number greater than 0'],
    ['a weight that is no number', backend('weight: .inf'), 'is not a number greater than 0'],
    ['no slots', backend('slots: 0'), 'at least 1; or write auto'],
    ['a header with a line break', backend('headers: { x: "a\\nb" }'), 'holds a character that no header may carry'],
    ['a header with a bad name', backend('headers: { "a b": x }'), '"a b" is not the name of a header'],
    ['a header of the connection', backend('headers: { Content-Length: "3" }'), 'belongs to the connection'],
    ['a header twice', backend('headers: { X-A: "3", x-a: "4" }'), '"x-a" is set twice'],
    [
      'an unknown category',
      'virtual_models: { v: { candidates: [m], prefer: { codng: [m] } } }',
      'unknown category "codng", did you mean "coding"?',
    ],
    [
      'a preference outside the candidates',
      'virtual_models: { v: { candidates: [m:7b], prefer: { coding: [m:8b] } } }',
      '"m:8b" is not among the candidates of "v"',
    ],
    ['a virtual model of nothing', 'virtual_models: { v: { candidates: [] } }', 'must name at least one model'],
    [
      'a virtual model inside another',
      'virtual_models: { v: { candidates: [V:latest] } }',
      'is a virtual model itself',
    ],
    ['an alias to itself', 'aliases: { a: A:latest }', 'aliases.a: is an alias to itself'],
    ['a circle of aliases', 'aliases: { x: a, a: b, b: a }', 'goes round in a circle (a → b → a)'],
    [
      'an alias that hides a virtual model',
      'aliases: { v: m }\nvirtual_models: { V: { candidates: [m] } }',
      'hides the virtual model',
    ],
    [
      'two listeners on one port',
      'listen: 0.0.0.0:9000\nadmin: { listen: "127.0.0.1:9000" }',
      'is taken by the proxy listener',
    ],
    [
      'metrics on the default port of the admin listener',
      'metrics: { listen: "localhost:11436" }',
      'is taken by the admin listener',
    ],
    ['an admin listener for everybody without a token', 'admin: { listen: "0.0.0.0:11436" }', 'has no token'],
    ['a token with a space', 'admin: { token: "a b" }', 'printable ASCII without spaces'],
    ['a token that is a number', 'admin: { token: 123 }', 'must be text: put it in quotes'],
    ['a threshold of zero', 'circuit_breaker: { failure_threshold: 0 }', 'not a whole number of at least 1'],
    ['half a threshold', 'health: { unhealthy_after: 1.5 }', 'not a whole number of at least 1'],
    ['a budget above one', 'retry: { budget: 2 }', 'is not a number from 0 to 1'],
    ['an unknown level', 'logging: { level: warning }', 'did you mean "warn"?'],
    ['an unknown strategy', 'routing: { strategy: learnt }', 'unknown strategy "learnt"'],
    ['a shadow of many kinds', 'routing: { learned: { shadow: deep } }', 'routing.learned.shadow: '],
    ['batches of one', 'embeddings: { split: 1 }', '1 is not a whole number of at least 2; or write off'],
    ['no copies', 'changes: { copies: 0 }', '0 is not a whole number of at least 1; or write any; or write all'],
    ['a rule for no model', 'changes: { rules: [{ models: [] }] }', 'must name at least one model'],
    [
      'a rule for a tag that no backend has',
      `${backend('tags: [big]')}\nchanges: { rules: [{ models: [m], tags: [bigg] }] }`,
      'no backend has the tag "bigg", did you mean "big"?',
    ],
    [
      'a rule for a tag without any backend',
      'changes: { rules: [{ models: [m], tags: [big] }] }',
      'no backend has the tag "big": add it to the tags of a backend',
    ],
    [
      'a rule for tags that no backend has together',
      `backends:
  - { name: a, url: "http://a:1", tags: [big] }
  - { name: b, url: "http://b:1", tags: [nvme] }
changes: { rules: [{ models: [m], tags: [big, nvme] }] }`,
      'no backend has all of these tags (big, nvme)',
    ],
    ['a certificate without its key', 'tls: { cert: a }', 'tls.key: is required'],
    ['TLS to a plain server', backend('tls: { ca: a }'), 'is for an https:// URL'],
    [
      'a certificate for a server without its key',
      backend('tls: { cert: a }').replace('http://a:1', 'https://a:1'),
      'needs both cert and key: add key',
    ],
    [
      'two ways to recognise the servers at one address',
      'backends: [{ name: a, url: "https://a/x", tls: { ca: a } }, { name: b, url: "https://a/y" }]',
      'must be the same as of backends[0], which is at the same address (https://a)',
    ],
    ['two workers', 'workers: 2', 'does not offer more than one worker'],
    ['state in a file without its path', 'state: { kind: file }', 'needs state.path, the file to write'],
    ['state in Redis', 'state: { kind: redis, url: "redis://x" }', 'does not offer state in Redis'],
  ])('%s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(expected)]);
  });

  it('never shows a secret in a message', () => {
    const shown = problemsOf(
      `admin: { token: "\${S} x" }\n${backend('headers: { x: "${S}\\n" }').replace('http://a:1', 'http://me:${S}@a:1')}`,
      { S: 's3cret' },
    ).join('\n');
    expect(shown).toContain('must not hold credentials');
    expect(shown).not.toContain('s3cret');
  });

  it('is compared as Ollama compares names', () => {
    const config = configOf('virtual_models: { v: { candidates: [Llama3], prefer: { coding: [llama3:latest] } } }');
    expect(config.virtualModels).toHaveLength(1);
  });
});

describe('what a configuration may say', () => {
  it('is an admin listener for everybody with a token, from the file or from the environment', () => {
    expect(problemsOf('admin: { listen: "0.0.0.0:11436", token: t }')).toEqual([]);
    expect(problemsOf('admin: { listen: "0.0.0.0:11436" }', { TASK_ROUTER_ADMIN_TOKEN: 't' })).toEqual([]);
  });

  it('is state in a file', () => {
    expect(configOf('state: { kind: file, path: ./x.json }').state).toEqual({ kind: 'file', path: './x.json' });
  });

  it('is the same port on two addresses, and port 0 for all listeners', () => {
    expect(problemsOf('listen: 10.0.0.1:9000\nadmin: { listen: "127.0.0.1:9000" }')).toEqual([]);
    expect(problemsOf('listen: 127.0.0.1:0\nadmin: { listen: "127.0.0.1:0" }')).toEqual([]);
  });

  it.each([
    ['changes: { copies: 2 }', 'changes.copies', 'asks for 2 servers where there is 1'],
    ['changes: { copies: any, rules: [{ models: [m], copies: 3 }] }', 'changes.rules[0].copies', 'asks for 3 servers'],
    ['changes: { rules: [{ models: [m], copies: 2, tags: [t] }] }', 'changes.rules[0].copies', 'there is 1 with t'],
  ])('is more copies than servers, with a warning: %s', (text, path, message) => {
    const parsed = parseConfig(`${backend('tags: [t]')}\n${text}`, contextWith());
    expect(parsed).toMatchObject({ ok: true, value: { warnings: [{ path }] } });
    expect(JSON.stringify(parsed)).toContain(message);
  });

  it('is a number of copies when the backends come from elsewhere', () => {
    const parsed = parseConfig('changes: { copies: 2 }', contextWith());
    expect(parsed).toMatchObject({ ok: true, value: { warnings: [] } });
  });

  it('is a pin on a backend that the file does not list, with a warning that names the nearest one', () => {
    const parsed = parseConfig(`${backend('tags: []')}\nplacement: { pin: { aa: [m], a: [m] } }`, contextWith());
    expect(parsed).toMatchObject({ ok: true, value: { warnings: [{ path: 'placement.pin.aa' }] } });
    expect(JSON.stringify(parsed)).toContain('no backend is called');
  });

  it('is a chain of aliases', () => {
    expect(problemsOf('aliases: { a: b, b: c }')).toEqual([]);
  });

  it.each([
    ['routing: { zone: eu }', 'routing.zone'],
    ['state: { path: x }', 'state.path'],
    [backend('zone: eu'), 'backends[0].zone'],
  ])('gets a warning when it has no effect yet: %s', (text, path) => {
    const parsed = parseConfig(text, contextWith());
    expect(parsed).toMatchObject({
      ok: true,
      value: { warnings: [{ path, message: 'has no effect in this version' }] },
    });
  });
});
