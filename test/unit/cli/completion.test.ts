import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionCommand, completionScript } from '../../../src/cli/completion.ts';
import { OPTIONS } from '../../../src/cli/options.ts';
import { VERBS } from '../../../src/cli/usage.ts';
import { testIo } from '../../support/test-io.ts';

/** What bash offers for the last of these words. */
const offered = (...words: readonly string[]): readonly string[] => {
  const script = `${completionScript('bash')}
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
_ollama_task_router
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync(
    'bash',
    ['--norc', '-c', script, 'bash', 'ollama-task-router', ...words],
    {
      encoding: 'utf8',
    },
  );
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter((word) => word !== '');
};

describe('completion in bash', () => {
  it('offers verbs first, then what each takes', () => {
    expect(offered('')).toEqual([...VERBS]);
    expect(offered('wh')).toEqual(['why']);
    for (const verb of VERBS) {
      expect(offered(verb, '--').toSorted()).toEqual(
        [...OPTIONS[verb].map(({ name }) => `--${name}`), '--help'].toSorted(),
      );
    }
    expect(offered('key', 'n')).toEqual(['new']);
    expect(offered('help', 'ex')).toEqual(['explain']);
  });

  it('offers the values that are known, files where a file is meant, and nothing where nobody knows', () => {
    expect(offered('serve', '--strategy', 'hyb')).toContain('hybrid');
    expect(offered('sim', '--profile', '')).toEqual(['fast-gpu', 'slow-gpu', 'cpu']);
    expect(offered('check', 'package.js')).toEqual(['package.json']);
    expect(offered('serve', '--config', 'package.js')).toEqual(['package.json']);
    expect(offered('explain', '--model', '')).toEqual([]);
  });
});

describe('completion in the other shells', () => {
  it.each(['zsh', 'fish'] as const)('is a script that %s takes', (shell) => {
    const { error, status, stderr } = spawnSync(shell, ['-n', '/dev/stdin'], {
      input: completionScript(shell),
      encoding: 'utf8',
    });
    // Machines without that shell check what it says, not how it is said.
    if (error === undefined) expect([status, stderr]).toEqual([0, '']);
    for (const verb of VERBS) expect(completionScript(shell)).toContain(verb);
    expect(completionScript(shell)).toContain('round-robin');
  });
});

describe('the command', () => {
  it('prints the script, and refuses shells that it does not know', () => {
    const io = testIo();
    expect(completionCommand(['fish'], io)).toBe(0);
    expect([io.stdout(), io.stderr()]).toEqual([completionScript('fish'), '']);
    const wrong = testIo();
    expect(completionCommand(['bsh'], wrong)).toBe(2);
    expect(wrong.stderr()).toMatch(/no completion for "bsh", did you mean "bash"\?/);
    expect(completionCommand([], testIo())).toBe(2);
    expect(completionCommand(['bash', 'zsh'], testIo())).toBe(2);
  });
});
