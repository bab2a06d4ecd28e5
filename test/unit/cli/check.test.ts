import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkCommand } from '../../../src/cli/check.ts';
import { OVERVIEW, USAGE, VERBS } from '../../../src/cli/usage.ts';
import { contextWith } from '../config/context.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'router-check-'));
});
afterEach(() => rm(folder, { recursive: true }));

const run = async (...argv: readonly string[]) => {
  let out = '';
  let err = '';
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) };
  const code = await checkCommand(argv, io, contextWith());
  return { code, out, err };
};

const fileWith = async (text: string): Promise<string> => {
  const file = join(folder, 'router.yaml');
  await writeFile(file, text);
  return file;
};

describe('check', () => {
  it('sums a good file up in one line and gives 0', async () => {
    const file = await fileWith(
      'backends: [{ name: a, url: "http://a:1" }, { name: b, url: "http://b:1" }]\nmetrics: { listen: "[::1]:9464" }\n',
    );
    expect(await run(file)).toEqual({
      code: 0,
      out: `${file}: OK: 2 backends (a, b), strategy hybrid, proxy 127.0.0.1:11435, admin 127.0.0.1:11436, metrics [::1]:9464\n`,
      err: '',
    });
  });

  it('prints every problem on stderr as FILE:LINE:COLUMN: message and gives 2', async () => {
    const file = await fileWith('listen: 80\nqueue:\n  max_wai: 5m\n');
    const { code, out, err } = await run(file);
    expect([code, out]).toEqual([2, '']);
    expect(err.split('\n')).toEqual([
      expect.stringContaining(`${file}:1:9: listen: 80 is not an address`),
      `${file}:3:3: queue.max_wai: unknown key, did you mean "max_wait"?`,
      '',
    ]);
  });

  it('shows warnings and gives 0 all the same', async () => {
    const file = await fileWith('routing:\n  zone: eu\n');
    const { code, out, err } = await run(file);
    expect(code).toBe(0);
    expect(out).toContain('OK: no backends, strategy hybrid');
    expect(err).toBe(`${file}:2:3: routing.zone: warning: has no effect in this version\n`);
  });

  it('tells that a file is not there, and gives 2', async () => {
    const file = join(folder, 'none.yaml');
    expect(await run(file)).toEqual({
      code: 2,
      out: '',
      err: `${file}:1:1: the configuration file cannot be read: there is no such file\n`,
    });
  });

  it.each([[[]], [['a', 'b']], [['--strict', 'a']]])('explains itself on stderr and gives 2 for %j', async (argv) => {
    const { code, out, err } = await run(...argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(USAGE.check);
  });

  it('explains itself on stdout for --help', async () => {
    expect(await run('--help')).toEqual({ code: 0, out: USAGE.check, err: '' });
  });
});

describe('help', () => {
  it('lists every verb, begins each text with its usage, and fits into 100 columns', () => {
    for (const verb of VERBS) {
      expect(OVERVIEW).toMatch(new RegExp(`^  ${verb} `, 'm'));
      expect(USAGE[verb]).toMatch(new RegExp(`^usage: ollama-task-router ${verb}\\b`));
    }
    const lines = [OVERVIEW, ...Object.values(USAGE)].join('').split('\n');
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  });
});
