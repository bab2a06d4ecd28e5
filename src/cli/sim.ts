import { parseArgs } from 'node:util';
import { errorText } from '../core/errors.ts';
import { startSim, type SimOptions, type SimServer } from '../sim/http/server.ts';
import { isProfileName, profiles } from '../sim/model/profile.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

export interface SimIo {
  out(text: string): void;
  err(text: string): void;
  onStop(fn: () => Promise<void>): void;
}

class UsageError extends Error {}

const parse = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        port: { type: 'string' },
        profile: { type: 'string' },
        models: { type: 'string' },
        slots: { type: 'string' },
        'time-scale': { type: 'string' },
        seed: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (thrown) {
    throw new UsageError(problemOf(thrown, 'sim'));
  }
};

const whole = (flag: string, text: string, least: number, most: number): number => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${flag} must be a whole number from ${least} to ${most}, not "${text}"`);
};

const optionsOf = (values: ReturnType<typeof parse>): SimOptions => {
  const { port, profile, models, slots, seed } = values;
  if (port === undefined) throw new UsageError('which port? Give --port, 0 for any free one');
  if (profile !== undefined && !isProfileName(profile)) {
    throw new UsageError(`--profile must be one of ${Object.keys(profiles).join(', ')}, not "${profile}"`);
  }
  const names = models?.split(',').map((name) => name.trim());
  if (names?.includes('') === true) throw new UsageError(`--models must be names with commas between, not "${models}"`);
  const scale = values['time-scale'];
  const timeScale = Number(scale ?? '1');
  if (!(timeScale > 0 && timeScale <= 100)) {
    throw new UsageError(`--time-scale must be a number above 0 and up to 100, not "${scale}"`);
  }
  return {
    port: whole('port', port, 0, 65_535),
    timeScale,
    ...(profile === undefined ? {} : { profile }),
    ...(names === undefined ? {} : { models: names }),
    ...(slots === undefined ? {} : { slots: whole('slots', slots, 1, 64) }),
    ...(seed === undefined ? {} : { seed: whole('seed', seed, 0, 2 ** 32 - 1) }),
  };
};

/**
 * `sim`: one simulated Ollama server until it is told to stop. Prints its URL and models. Gives the exit code: 0 after a
 * stop, 1 if the port cannot be taken, 2 for a wrong command line.
 */
export const simCommand = async (argv: readonly string[], io: SimIo): Promise<number> => {
  let options: SimOptions;
  try {
    const values = parse(argv);
    if (values.help === true) {
      io.out(USAGE.sim);
      return 0;
    }
    options = optionsOf(values);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    io.err(`ollama-task-router sim: ${thrown.message}\n\n${USAGE.sim}`);
    return 2;
  }
  let sim: SimServer;
  try {
    sim = await startSim(options);
  } catch (thrown) {
    io.err(
      `ollama-task-router sim: cannot listen: ${errorText(thrown)}; choose another --port, or 0 for any free one\n`,
    );
    return 1;
  }
  io.out(`simulated Ollama server at ${sim.url}\nmodels: ${sim.models().join(', ')}\n`);
  await new Promise<void>((resolve) => {
    io.onStop(async () => {
      await sim.close();
      resolve();
    });
  });
  return 0;
};
