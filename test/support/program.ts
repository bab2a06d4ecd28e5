import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Where a program is in `PATH`. Without it the tests that need it are left out, with a line that says so; in CI they fail
 * instead, unless it is one that not every machine can have.
 * @param from what brings it
 * @throws Error in CI, when it is missing
 */
export const programPath = (
  name: string,
  from: string,
  need: 'in CI' | 'where present' = 'in CI',
): string | undefined => {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  if (need === 'in CI' && process.env['CI'] !== undefined) throw new Error(`no ${name} in PATH: ${from}`);
  console.log(`left out: no ${name} in PATH (${from})`);
  return undefined;
};

/** What a program said and how it ended. */
export interface Ran {
  readonly code: number;
  readonly said: string;
}

/** Runs a program to its end. @param input what it reads from stdin */
export const run = async (path: string, args: readonly string[], input?: string): Promise<Ran> => {
  const running = promisify(execFile)(path, args, { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 });
  running.child.stdin?.end(input ?? '');
  try {
    const { stdout, stderr } = await running;
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { code, said: stdout + stderr };
  }
};
