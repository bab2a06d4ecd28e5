import { parseArgs } from 'node:util';
import { productVersion } from '../version.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

export interface VersionIo {
  out(text: string): void;
  err(text: string): void;
}

/** `version`: what this is. Gives the exit code: 0, or 2 for a wrong command line. */
export const versionCommand = (argv: readonly string[], io: VersionIo): number => {
  let json: boolean;
  try {
    json = parseArgs({ args: [...argv], options: { json: { type: 'boolean', default: false } } }).values.json;
  } catch (thrown) {
    io.err(`ollama-task-router version: ${problemOf(thrown, 'version')}\n\n${USAGE.version}`);
    return 2;
  }
  const version = productVersion();
  io.out(json ? `${JSON.stringify({ version, node: process.versions.node })}\n` : `ollama-task-router ${version}\n`);
  return 0;
};
