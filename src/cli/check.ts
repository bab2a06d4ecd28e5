import { parseArgs } from 'node:util';
import { loadConfigFile } from '../config/load.ts';
import { formatIssue } from '../config/parse.ts';
import type { Config, ParseContext } from '../config/types.ts';
import { formatHostPort } from '../config/units.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

export interface CheckIo {
  out(text: string): void;
  err(text: string): void;
}

const summary = (file: string, config: Config): string => {
  const names = config.backends.map(({ name }) => name);
  const backends =
    names.length === 0
      ? 'no backends'
      : `${names.length} backend${names.length === 1 ? '' : 's'} (${names.join(', ')})`;
  const listeners = [`proxy ${formatHostPort(config.listen)}`, `admin ${formatHostPort(config.admin.listen)}`];
  if (config.metrics.listen !== undefined) listeners.push(`metrics ${formatHostPort(config.metrics.listen)}`);
  return `${file}: OK: ${backends}, strategy ${config.routing.strategy}, ${listeners.join(', ')}\n`;
};

/**
 * `check FILE`: problems and warnings on stderr as `FILE:LINE:COLUMN: message`, one line of summary on stdout; with
 * `--json` all of it as one object on stdout. Gives the exit code: 0 = the file can be served, 2 = it cannot, or the command line is wrong.
 */
export const checkCommand = async (argv: readonly string[], io: CheckIo, context: ParseContext): Promise<number> => {
  const usageError = (message: string): number => {
    io.err(`ollama-task-router check: ${message}\n\n${USAGE.check}`);
    return 2;
  };
  let files: readonly string[];
  let json: boolean;
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    if (values.help === true) {
      io.out(USAGE.check);
      return 0;
    }
    files = positionals;
    json = values.json;
  } catch (thrown) {
    return usageError(problemOf(thrown, 'check'));
  }
  const [file] = files;
  if (file === undefined) return usageError('which file? Give its path');
  if (files.length > 1) return usageError(`one file at a time, not ${files.length}`);

  const loaded = await loadConfigFile(file, context);
  if (json) {
    const problems = loaded.ok ? [] : loaded.issues;
    const warnings = loaded.ok ? loaded.value.warnings : [];
    io.out(`${JSON.stringify({ file, ok: loaded.ok, problems, warnings })}\n`);
    return loaded.ok ? 0 : 2;
  }
  if (!loaded.ok) {
    io.err(loaded.issues.map((issue) => `${formatIssue(file, issue)}\n`).join(''));
    return 2;
  }
  for (const warning of loaded.value.warnings) {
    io.err(`${formatIssue(file, { ...warning, message: `warning: ${warning.message}` })}\n`);
  }
  io.out(summary(file, loaded.value.config));
  return 0;
};
