import { pino, type DestinationStream } from 'pino';
import pretty from 'pino-pretty';
import type { Log } from './core/types.ts';

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
const BUFFER_BYTES = 4_096;
const FLUSH_MS = 250;

/** The process's log: one JSON object a line, or coloured lines for a person at a terminal. */
export const createLog = ({ level, format, destination, color }: LogOptions): Log => {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: SECRETS };
  if (format === 'json')
    return pino(
      options,
      destination ?? pino.destination({ fd: 2, sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_MS }),
    );
  return pino(
    options,
    pretty({ colorize: color ?? false, destination: destination ?? 2, translateTime: 'SYS:HH:MM:ss.l', sync: true }),
  );
};
