import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { digestOf, newKey } from '../auth/digest.ts';
import { readKeyName, readTenant } from '../config/key-values.ts';
import type { Reading } from '../config/units.ts';
import { PRIORITY_CLASSES } from '../core/types.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

export interface KeyIo {
  out(text: string): void;
  err(text: string): void;
}

const OPTIONS = {
  name: { type: 'string' },
  tenant: { type: 'string' },
  class: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const readClass = (text: string): Reading<string> =>
  (PRIORITY_CLASSES as readonly string[]).includes(text)
    ? { ok: true, value: text }
    : { ok: false, message: `${JSON.stringify(text)} is not one of ${PRIORITY_CLASSES.join(', ')}` };

/** Names are unique in a configuration; one that is made up should be so without a look at it. */
const madeUpName = (): string => `key-${randomBytes(4).toString('hex')}`;

/** Values in the order of the line that is printed. */
const READERS = { name: readKeyName, tenant: readTenant, class: readClass };

/**
 * `key new`: a new API key on stdout, this once, with the line for the configuration that lets it in. Gives the exit code:
 * 0, or 2 when the command line is wrong.
 */
export const keyCommand = (argv: readonly string[], io: KeyIo): number => {
  const usageError = (message: string): number => {
    io.err(`ollama-task-router key: ${message}\n\n${USAGE.key}`);
    return 2;
  };
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (thrown) {
    return usageError(problemOf(thrown, 'key'));
  }
  const { values, positionals } = parsed;
  if (values.help) {
    io.out(USAGE.key);
    return 0;
  }
  if (positionals.length !== 1 || positionals[0] !== 'new') return usageError('say what to do: key new');

  const fields: [string, string][] = [];
  for (const option of ['name', 'tenant', 'class'] as const) {
    const given = values[option] ?? (option === 'name' ? madeUpName() : undefined);
    if (given === undefined) continue;
    const reading = READERS[option](given);
    if (!reading.ok) return usageError(`--${option}: ${reading.message}`);
    fields.push([option, reading.value]);
  }
  const key = newKey();
  const hash = `sha256:${digestOf(key).toString('hex')}`;
  const entry = Object.fromEntries([...fields.slice(0, 1), ['hash', hash], ...fields.slice(1)]);
  // Quoted, because a name of digits would be a number to YAML.
  const line = `- { ${Object.entries(entry)
    .map(([name, value]) => `${name}: "${value}"`)
    .join(', ')} }`;
  if (values.json) io.out(`${JSON.stringify({ key, ...entry, yaml: line })}\n`);
  else io.out(`${key}\n\nauth:\n  keys:\n    ${line}\n`);
  return 0;
};
