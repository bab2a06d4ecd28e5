import { createRequire } from 'node:module';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { PinoPretty } from 'pino-pretty';
import { isoTime } from './core/iso-time.ts';
import type { Log } from './core/types.ts';
import type { LineLog } from './results/recorder.ts';

export interface LogOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** File descriptor or stream the lines go to; stderr by default, because stdout is for results. */
  readonly destination?: DestinationStream;
  readonly color?: boolean;
}

/** Header names and keys whose values never reach a log line, whoever logs them by mistake. */
const SECRETS = [
  'authorization',
  'cookie',
  'token',
  'apiKey',
  'x-api-key',
  'headers.authorization',
  'headers["x-api-key"]',
];

/** Lines are written together once there are so many bytes of them, or after so many ms: a write each costs more than the line. */
const BUFFER_BYTES = 12_288;
const FLUSH_MS = 250;

/** The process's log: one JSON object a line, or coloured lines for a person at a terminal. */
export const createLog = ({ level, format, destination, color }: LogOptions): Log => {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: SECRETS };
  if (format === 'json') {
    const stream =
      destination ?? pino.destination({ fd: 2, sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_MS });
    return withLines(pino(options, stream), stream);
  }
  // Loaded here, because a proxy whose lines go to a file has no use for it.
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
  return pino(
    options,
    pretty({ colorize: color ?? false, destination: destination ?? 2, translateTime: 'SYS:HH:MM:ss.l', sync: true }),
  );
};

/** A log of JSON lines that also takes lines whose fields are JSON already, past what pino does for each field. */
const withLines = (log: Logger, stream: DestinationStream): LineLog => ({
  debug: (fields, message) => log.debug(fields, message),
  info: (fields, message) => log.info(fields, message),
  warn: (fields, message) => log.warn(fields, message),
  error: (fields, message) => log.error(fields, message),
  takes: (level) => log.isLevelEnabled(level),
  writeLine: (level, fields, message) => {
    const value = log.levels.values[level] ?? 0;
    stream.write(`{"level":${value},"time":"${isoTime(Date.now())}",${fields},"msg":${JSON.stringify(message)}}\n`);
  },
});
