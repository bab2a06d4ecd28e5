import type { Log } from '../../src/core/types.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that keeps its lines, and tells those who wait for one. */
export class LogBook implements Log {
  readonly lines: LogLine[] = [];
  readonly #waiting = new Set<(line: LogLine) => void>();

  debug(fields: object, message: string): void {
    this.#add('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#add('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#add('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#add('error', fields, message);
  }

  /** All lines whose `event` is this one. */
  events(event: string): readonly LogLine[] {
    return this.lines.filter((line) => line.fields['event'] === event);
  }

  /** The first line of this event, written already or yet to come; with `after`, the first past so many of them. */
  event(event: string, after = 0): Promise<LogLine> {
    return this.line((line) => line.fields['event'] === event, after);
  }

  /** The first line that fits, written already or yet to come; with `after`, the first past so many of them. */
  line(fits: (line: LogLine) => boolean, after = 0): Promise<LogLine> {
    const found = this.lines.filter(fits)[after];
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => {
      const look = (): void => {
        const late = this.lines.filter(fits)[after];
        if (late === undefined) return;
        this.#waiting.delete(look);
        resolve(late);
      };
      this.#waiting.add(look);
    });
  }

  #add(level: LogLine['level'], fields: object, message: string): void {
    const line: LogLine = { level, fields: { ...fields }, message };
    this.lines.push(line);
    for (const look of this.#waiting) look(line);
  }
}
