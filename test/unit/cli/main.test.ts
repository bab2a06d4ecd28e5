import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { OVERVIEW, USAGE } from '../../../src/cli/usage.ts';
import { startChild } from '../../support/child.ts';

const run = async (...argv: readonly string[]) => {
  const child = startChild(argv);
  const { code } = await child.ended;
  return { code, out: child.out(), err: child.err() };
};

describe('the command line', () => {
  it(
    'answers questions about itself on stdout with 0, and mistakes on stderr with 2',
    { timeout: 60_000 },
    async () => {
      const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
        readonly version: string;
      };
      const told = await Promise.all([
        run('version'),
        run('help'),
        run('help', 'serve'),
        run('srve'),
        run('sim', '--help'),
      ]);
      expect(told).toEqual([
        { code: 0, out: `ollama-task-router ${version}\n`, err: '' },
        { code: 0, out: OVERVIEW, err: '' },
        { code: 0, out: USAGE.serve, err: '' },
        { code: 2, out: '', err: `unknown verb "srve"; did you mean "serve"?\n\n${OVERVIEW}` },
        { code: 0, out: USAGE.sim, err: '' },
      ]);
    },
  );

  it('ends quietly when nobody reads its results any more', { timeout: 60_000 }, async () => {
    const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', main, 'completion', 'zsh'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, err]).toEqual([0, '']);
  });
});
