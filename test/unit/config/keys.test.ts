import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configDiff, formatIssue, parseConfig, redactConfig } from '../../../src/config/parse.ts';
import { readSecretFile } from '../../../src/config/secret-file.ts';
import { contextWith, configOf, problemsOf } from './context.ts';
import { authText, keyEntry } from '../../support/keys.ts';

const HASH = 'ab'.repeat(32);

describe('keys in a configuration', () => {
  it('are whole with a name and a hash', () => {
    expect(configOf(`auth: { keys: [{ name: ci, hash: "sha256:${HASH.toUpperCase()}" }] }`).auth.keys).toEqual([
      {
        name: 'ci',
        hash: HASH,
        tenant: 'ci',
        class: undefined,
        models: undefined,
        routes: ['inference', 'models:read'],
        limits: {
          requestsPerMinute: undefined,
          concurrent: undefined,
          tokensPerMinute: undefined,
          tokensPerDay: undefined,
        },
        allowPin: false,
        notAfter: undefined,
      },
    ]);
  });

  it.each([
    ['2031-05-01', Date.parse('2031-05-02T00:00:00Z')],
    ['2031-05-01T10:00:00+02:00', Date.parse('2031-05-01T08:00:00Z')],
  ])('hold until %s', (notAfter, ms) => {
    expect(configOf(authText(keyEntry('a', { not_after: notAfter }))).auth.keys[0]?.notAfter).toBe(ms);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ name: 'a b' }, 'cannot name a key'],
    [{ hash: 'sha256:abc' }, '"sha256:" and 64 hexadecimal digits'],
    [{ hash: 'otr_secret-word' }, '"sha256:" and 64 hexadecimal digits'],
    [{ class: 'urgent' }, 'is not one of interactive, normal, batch'],
    [{ models: [] }, 'must name at least one model'],
    [{ routes: ['everything'] }, 'is not one of inference, models:read, models:write, other'],
    [{ routes: [] }, 'at least one kind of route'],
    [{ requests_per_minute: 0 }, 'whole number from 1 to 100000'],
    [{ requests_per_minute: 100_001 }, 'whole number from 1 to 100000'],
    [{ tokens_per_day: 1.5 }, 'whole number of at least 1'],
    [{ not_after: '2031-02-30' }, 'no day or moment'],
    [{ not_after: 'tomorrow' }, 'no day or moment'],
    [{ tokens_per_minut: 1 }, 'did you mean "tokens_per_minute"'],
  ])('are refused with %j', (wrong, message) => {
    const problems = problemsOf(authText(keyEntry('a', wrong)));
    expect(problems).toEqual([expect.stringContaining(message)]);
    expect(problems.join()).not.toContain('secret-word');
  });

  it('have names and hashes of their own', () => {
    const problems = problemsOf(
      authText(keyEntry('a'), { ...keyEntry('b'), name: 'a' }, { ...keyEntry('b'), name: 'c' }),
    );
    expect(problems).toEqual([
      expect.stringContaining('duplicate key name "a", which auth.keys[0] has already'),
      expect.stringContaining('the same key as auth.keys[1]'),
    ]);
  });

  it('are shown and compared without their hashes', () => {
    const before = configOf(authText(keyEntry('a', { tokens_per_day: 5 }), keyEntry('b')));
    const after = configOf(authText({ ...keyEntry('c'), name: 'a', tokens_per_day: 6 }, keyEntry('b')));
    expect(redactConfig(before)).toMatchObject({ auth: { keys: [{ name: 'a', hash: '[hidden]' }, { name: 'b' }] } });
    expect(configDiff(before, after)).toEqual([
      { path: 'auth.keys.a.hash', before: '[hidden]', after: '[hidden]' },
      { path: 'auth.keys.a.tokens_per_day', before: 5, after: 6 },
    ]);
  });
});

describe('secrets in files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'router-secrets-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = async (name: string, content: string | Buffer): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const parse = (text: string) => parseConfig(text, { ...contextWith(), file: readSecretFile });
  const problems = (text: string): readonly string[] => {
    const parsed = parse(text);
    return parsed.ok ? [] : parsed.issues.map((issue) => formatIssue('f', issue));
  };
  const good = (text: string) => {
    const parsed = parse(text);
    if (!parsed.ok) expect.fail(JSON.stringify(parsed.issues));
    return parsed.value.config;
  };

  it('are put where ${file:PATH} stands, without their last line break', async () => {
    const token = await put('token', 'very-secret\n');
    const config = good(
      `admin: { token: \${file:${token}} }\nbackends: [{ name: a, url: "http://a:1", headers: { authorization: "Bearer \${file:${token}}", x-plain: "$\${file:${token}}" } }]`,
    );
    expect(config.admin.token).toBe('very-secret');
    expect(config.backends[0]?.headers).toMatchObject({
      authorization: 'Bearer very-secret',
      'x-plain': `\${file:${token}}`,
    });
    expect(JSON.stringify(redactConfig(config))).not.toContain('very-secret');
  });

  it('may be the token of the admin listener', async () => {
    const path = await put('token', 'very-secret\r\n');
    const config = good(`admin: { token_file: ${path}, listen: "0.0.0.0:1" }`);
    expect(config.admin).toMatchObject({ token: 'very-secret', tokenFile: path });
    const shown = redactConfig(config);
    expect(shown).toMatchObject({ admin: { token: '[hidden]', token_file: path } });
    await put('token', 'other-secret');
    const changes = configDiff(config, good(`admin: { token_file: ${path}, listen: "0.0.0.0:1" }`));
    expect(changes).toEqual([{ path: 'admin.token', before: '[hidden]', after: '[hidden]' }]);
  });

  it('are told what is wrong with them, without a word of theirs', async () => {
    const empty = await put('empty', '\n');
    const binary = await put('binary', Buffer.from([0x61, 0xff]));
    const spaced = await put('spaced', 'very secret words');
    const large = await put('large', 'x'.repeat(70_000));
    const at = (path: string): readonly string[] => problems(`admin: { token_file: ${JSON.stringify(path)} }`);
    expect(at(join(folder, 'none'))).toEqual([expect.stringMatching(/^f:1:\d+: admin.token_file: .*no such file$/)]);
    expect(at(folder)).toEqual([expect.stringContaining('is not a file')]);
    expect(at(empty)).toEqual([expect.stringContaining('is empty')]);
    expect(at(binary)).toEqual([expect.stringContaining('is not UTF-8 text')]);
    expect(at(large)).toEqual([expect.stringContaining('is larger than 64 KiB')]);
    expect(at(spaced)).toEqual([expect.stringContaining('must be printable ASCII without spaces')]);
    expect(problems(`admin: { token: x, token_file: ${spaced} }`)).toEqual([
      expect.stringContaining('keep one of the two'),
    ]);
    const misplaced = problems(
      [
        `workers: \${file:${spaced}}`,
        `listen: \${file:${spaced}}`,
        `aliases: { a: "\${file:${spaced}}", "\${file:${spaced}}": a }`,
        `routing: { strategy: "\${file:${spaced}}" }`,
        'placement: { pin: { x: [] } }',
      ].join('\n'),
    );
    expect(misplaced.length).toBeGreaterThan(2);
    for (const text of [at(spaced), misplaced]) expect(text.join('\n')).not.toMatch(/very|words/);
  });

  it('are not read where no files may be', async () => {
    const path = await put('token', 'very-secret');
    expect(problemsOf(`admin: { token: "\${file:${path}}" }`)).toEqual([
      expect.stringContaining('files are not read here'),
    ]);
    expect(problemsOf(`admin: { token_file: ${path} }`)).toEqual([expect.stringContaining('files are not read here')]);
  });
});
