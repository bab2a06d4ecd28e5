import { describe, expect, it } from 'vitest';
import { applyOverrides, type Overrides } from '../../../src/config/load.ts';
import { formatIssue } from '../../../src/config/parse.ts';
import type { Config } from '../../../src/config/types.ts';
import { configOf, contextWith } from './context.ts';

type Variables = Readonly<Record<string, string>>;

const applied = (overrides: Overrides, env: Variables = {}, text = ''): Config => {
  const checked = applyOverrides(configOf(text, env), overrides, contextWith(env));
  if (!checked.ok) expect.fail(JSON.stringify(checked.issues));
  return checked.value;
};
const problems = (overrides: Overrides, env: Variables = {}, text = ''): readonly string[] => {
  const checked = applyOverrides(configOf(text, env), overrides, contextWith(env));
  return checked.ok ? [] : checked.issues.map((issue) => formatIssue('f', issue));
};

describe('flags and variables', () => {
  it('leave a configuration as it is when there are none, and when variables are empty', () => {
    expect(applied({}, { TASK_ROUTER_LISTEN: '', TASK_ROUTER_BACKENDS: '' })).toEqual(configOf(''));
  });

  it('beat each other in order: flag, environment, file', () => {
    const file = 'routing: { strategy: random }';
    expect(applied({}, {}, file).routing.strategy).toBe('random');
    expect(applied({}, { TASK_ROUTER_STRATEGY: 'affinity' }, file).routing.strategy).toBe('affinity');
    expect(applied({ strategy: 'least-loaded' }, { TASK_ROUTER_STRATEGY: 'affinity' }, file).routing.strategy).toBe(
      'least-loaded',
    );
  });

  it('set listeners, token and level', () => {
    const config = applied(
      { listen: '0.0.0.0:80' },
      { TASK_ROUTER_ADMIN_LISTEN: '[::]:81', TASK_ROUTER_ADMIN_TOKEN: 't', TASK_ROUTER_LOG_LEVEL: 'debug' },
    );
    expect(config.listen).toEqual({ host: '0.0.0.0', port: 80 });
    expect(config.admin).toEqual({ listen: { host: '::', port: 81 }, token: 't' });
    expect(config.logging.level).toBe('debug');
  });

  it('replace the backends of the file and name each after its host', () => {
    const file = 'backends: [{ name: x, url: "http://x:1" }]';
    const backends = [
      'http://gpu-1:11434',
      'http://gpu-1:11435',
      'http://gpu-1:11435/b',
      'http://[::1]:1',
      'https://g/o/',
    ];
    const config = applied({ backends }, { TASK_ROUTER_BACKENDS: 'http://y:1' }, file);
    expect(config.backends.map(({ name, url }) => [name, url.href])).toEqual([
      ['gpu-1', 'http://gpu-1:11434/'],
      ['gpu-1-11435', 'http://gpu-1:11435/'],
      ['gpu-1-11435-2', 'http://gpu-1:11435/b'],
      ['1', 'http://[::1]:1/'],
      ['g', 'https://g/o'],
    ]);
    expect(config.backends[0]).toMatchObject({ weight: 1, slots: 'auto', vramBytes: 'auto', headers: {} });
    const named = applied({}, { TASK_ROUTER_BACKENDS: 'http://y:1, http://z:1,' }, file).backends;
    expect(named.map(({ name }) => name)).toEqual(['y', 'z']);
  });

  it('are all checked at once, each problem under the name of what was given', () => {
    expect(
      problems(
        { listen: '80', backends: ['gpu-1:11434'], strategy: 'hybird' },
        { TASK_ROUTER_LOG_LEVEL: 'loud', TASK_ROUTER_ADMIN_TOKEN: 'a b' },
      ),
    ).toEqual([
      expect.stringMatching(/^--listen: "80" is not an address/),
      expect.stringMatching(/^TASK_ROUTER_ADMIN_TOKEN: must be printable ASCII/),
      expect.stringMatching(/^--backend: "gpu-1:11434" must start with http/),
      expect.stringMatching(/^--strategy: unknown strategy "hybird", did you mean "hybrid"/),
      expect.stringMatching(/^TASK_ROUTER_LOG_LEVEL: "loud" is not one of fatal/),
    ]);
  });

  it('refuse one backend twice', () => {
    expect(problems({ backends: ['http://a:1', 'http://A:1/'] })).toEqual(['--backend: http://a:1/ is named twice']);
  });

  it('may not open the admin listener without a token, nor put two listeners on one port', () => {
    expect(problems({ adminListen: '0.0.0.0:81' })).toEqual([
      expect.stringMatching(/^--admin-listen: the admin listener on 0\.0\.0\.0:81 .* has no token/),
    ]);
    expect(problems({}, { TASK_ROUTER_LISTEN: '0.0.0.0:11436' })).toEqual([
      expect.stringMatching(/^TASK_ROUTER_LISTEN: 127\.0\.0\.1:11436 is taken by the proxy listener/),
    ]);
    expect(problems({ listen: '127.0.0.1:9464' }, {}, 'metrics: { listen: "127.0.0.1:9464" }')).toEqual([
      expect.stringMatching(/^--listen: .* is taken by the proxy listener/),
    ]);
  });
});
