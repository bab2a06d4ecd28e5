import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errorText } from '../../src/core/errors.ts';

/** What the pinned clients ask for at least. */
const OLDEST = [3, 10] as const;

/** Debian packs `ensurepip` apart; without it a virtual environment has no pip. */
const QUESTION = 'import sys, venv, ensurepip; print(sys.version_info[0], sys.version_info[1])';

export type Interpreter = { readonly path: string } | { readonly missing: string };

/**
 * Looks for a Python that can make virtual environments and is new enough for the clients: the one that the environment
 * variable PYTHON names, or else the first fit one of `python3` and `python`. `missing` tells what was wrong with each.
 */
export const findPython = async (named: string | undefined): Promise<Interpreter> => {
  const problems: string[] = [];
  for (const path of named === undefined || named === '' ? ['python3', 'python'] : [named]) {
    try {
      const { stdout } = await promisify(execFile)(path, ['-c', QUESTION]);
      const [major = 0, minor = 0] = stdout.trim().split(' ').map(Number);
      if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return { path };
      problems.push(`${path} is ${major}.${minor}`);
    } catch (error) {
      // The last line of a traceback is the one that tells.
      problems.push(`${path}: ${errorText(error).trim().split('\n').at(-1) ?? ''}`);
    }
  }
  return { missing: `no Python ${OLDEST.join('.')} or newer with venv and pip (${problems.join('; ')})` };
};
