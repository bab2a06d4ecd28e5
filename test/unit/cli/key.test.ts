import { describe, expect, it } from 'vitest';
import { keyCommand } from '../../../src/cli/key.ts';
import { configOf } from '../config/context.ts';
import { digestHex } from '../../support/keys.ts';

const run = (...argv: readonly string[]) => {
  let out = '';
  let err = '';
  const code = keyCommand(argv, { out: (text) => void (out += text), err: (text) => void (err += text) });
  return { code, out, err };
};

describe('key new', () => {
  it('prints a key that nobody guesses, and lines that let it in as they stand', () => {
    const { code, out, err } = run('new', '--name', '007', '--tenant', 'agents', '--class', 'batch');
    expect([code, err]).toEqual([0, '']);
    const [key = '', ...lines] = out.split('\n');
    expect(key).toMatch(/^otr_[\w-]{43}$/);
    expect(out.split(key)).toHaveLength(2);
    expect(configOf(lines.join('\n')).auth.keys).toMatchObject([
      { name: '007', hash: digestHex(key), tenant: 'agents', class: 'batch' },
    ]);
  });

  it('makes another one each time, names included', () => {
    const keys = [1, 2].map(() => JSON.parse(run('new', '--json').out) as Record<string, string>);
    expect(keys[0]).toEqual({
      key: expect.stringMatching(/^otr_/),
      name: expect.stringMatching(/^key-[0-9a-f]{8}$/),
      hash: `sha256:${digestHex(keys[0]?.['key'] ?? '')}`,
      yaml: expect.stringMatching(/^- \{ name: "key-/),
    });
    expect(keys[0]?.['key']).not.toBe(keys[1]?.['key']);
    expect(keys[0]?.['name']).not.toBe(keys[1]?.['name']);
  });

  it.each([
    [[]],
    [['old']],
    [['new', 'more']],
    [['new', '--name', 'a b']],
    [['new', '--tenant', '']],
    [['new', '--class', 'urgent']],
    [['new', '--nam', 'x']],
  ])('says what is wrong with %j and prints no key', (argv) => {
    const { code, out, err } = run(...argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('usage: ollama-task-router key new');
  });
});
