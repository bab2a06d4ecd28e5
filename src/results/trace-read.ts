import type { PrefixMark, RunnerShape } from '../core/demand.ts';
import { errorText } from '../core/errors.ts';
import type { Checked, Issue } from '../core/types.ts';
import { TRACE_VERSION, type TraceObserved, type TraceRequest } from './trace.ts';

/** A recording with so many problems is no recording; the rest is not looked at. */
const MOST_ISSUES = 100;

const ENDPOINTS = ['chat', 'generate', 'embed', 'other'] as const;
const PRIORITIES = ['interactive', 'normal', 'batch'] as const;
const KINDS = ['completion', 'embedding', 'load'] as const;
const OUTCOMES = ['served', 'client-error', 'failed', 'client-left', 'refused'] as const;

/** Reads members of one object of a line. A wrong one is noted, and something harmless given in its place. */
class Members {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #note: (path: string, message: string) => void;

  constructor(value: unknown, path: string, note: (path: string, message: string) => void) {
    const fits = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#members = fits ? (value as Readonly<Record<string, unknown>>) : {};
    this.#path = path;
    this.#note = note;
    if (!fits) note(path, `must be an object, found ${shown(value)}`);
  }

  /** A number of 0 or more. */
  amount(name: string): number {
    const value = this.#members[name];
    if (typeof value === 'number' && value >= 0) return value;
    return this.#wrong(name, 'a number of 0 or more', 0);
  }

  /** A whole number of 0 or more. */
  count(name: string): number {
    const value = this.#members[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    return this.#wrong(name, 'a whole number of 0 or more', 0);
  }

  text(name: string): string {
    const value = this.#members[name];
    return typeof value === 'string' ? value : this.#wrong(name, 'a text', '');
  }

  oneOf<T extends string>(name: string, choices: readonly [T, ...T[]]): T {
    const found = choices.find((choice) => choice === this.#members[name]);
    return found ?? this.#wrong(name, `one of ${choices.join(', ')}`, choices[0]);
  }

  is(name: string, value: unknown): boolean {
    return this.#members[name] === value;
  }

  /** What `read` makes of the member, undefined where there is none. */
  maybe<T>(name: string, read: (name: string) => T): T | undefined {
    return this.#members[name] === undefined ? undefined : read(name);
  }

  object(name: string): Members {
    return new Members(this.#members[name], this.#at(name), this.#note);
  }

  list(name: string): readonly Members[] {
    const value = this.#members[name];
    if (!Array.isArray(value)) return this.#wrong(name, 'a list', []);
    return value.map((item, i) => new Members(item, `${this.#at(name)}[${i}]`, this.#note));
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #wrong<T>(name: string, wanted: string, instead: T): T {
    this.#note(this.#at(name), `must be ${wanted}, found ${shown(this.#members[name])}`);
    return instead;
  }
}

const shown = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

const shapeOf = (shape: Members): RunnerShape => ({
  numCtx: shape.maybe('numCtx', (name) => shape.count(name)),
  rest: shape.text('rest'),
});

const markOf = (mark: Members): PrefixMark => ({ hash: mark.count('hash'), bytes: mark.count('bytes') });

const observedOf = (observed: Members): TraceObserved => {
  const amount = (name: string): number => observed.amount(name);
  return {
    promptTokens: observed.maybe('promptTokens', amount),
    outputTokens: observed.maybe('outputTokens', amount),
    queueMs: observed.amount('queueMs'),
    firstByteMs: observed.maybe('firstByteMs', amount),
    totalMs: observed.amount('totalMs'),
    backend: observed.maybe('backend', (name) => observed.text(name)),
    outcome: observed.oneOf('outcome', OUTCOMES),
  };
};

const requestOf = (line: Members): TraceRequest => {
  const text = (name: string): string => line.text(name);
  return {
    atMs: line.amount('atMs'),
    model: line.text('model'),
    endpoint: line.oneOf('endpoint', ENDPOINTS),
    kind: line.oneOf('kind', KINDS),
    shape: shapeOf(line.object('shape')),
    promptBytes: line.count('promptBytes'),
    marks: line.list('marks').map(markOf),
    outputLimit: line.maybe('outputLimit', (name) => line.count(name)),
    app: line.text('app'),
    tenant: line.maybe('tenant', text),
    session: line.maybe('session', text),
    category: line.text('category'),
    priority: line.oneOf('priority', PRIORITIES),
    observed: observedOf(line.object('observed')),
  };
};

/**
 * Reads a recording (docs/trace.md): one JSON line per request; empty lines and members that are not known are passed
 * over. The requests come in the order of their arrival, where the file has them in the order of their end. Every
 * problem is told with its line and member, and nothing is given when there is one.
 */
export const readTrace = (text: string): Checked<readonly TraceRequest[]> => {
  const requests: TraceRequest[] = [];
  const issues: Issue[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length && issues.length < MOST_ISSUES; i++) {
    const line = lines[i]?.trim() ?? '';
    if (line === '') continue;
    const note = (path: string, message: string): void => void issues.push({ path, line: i + 1, column: 1, message });
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      const cut = i === lines.length - 1 ? '; the line was cut off while it was written: remove it' : '';
      note('', `not a JSON line (${errorText(error)})${cut}`);
      continue;
    }
    const members = new Members(value, '', note);
    if (!members.is('v', TRACE_VERSION)) {
      note('v', `must be ${TRACE_VERSION}, the only version of the format that this release reads`);
      continue;
    }
    requests.push(requestOf(members));
  }
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, value: requests.sort((a, b) => a.atMs - b.atMs) };
};
