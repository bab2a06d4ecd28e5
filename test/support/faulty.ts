import { onTestFinished } from 'vitest';
import type { RequestRecord } from '../../src/results/history.ts';
import { startProxy, type TestProxy } from './proxy.ts';
import { ScriptedBackend, type ScriptedOptions } from './scripted-backend.ts';

export interface FaultyOptions extends ScriptedOptions {
  /** More keys of the configuration, as YAML. */
  readonly config?: string;
  /** What each backend lists, where they differ. */
  readonly modelsOf?: readonly (readonly string[])[];
  /** `slots` of every backend. */
  readonly slots?: number;
  /** Path prefix of every backend's URL. */
  readonly prefix?: string;
}

interface BackendView {
  readonly name: string;
  readonly inflight: number;
  readonly breaker: string;
  readonly models: readonly { readonly name: string; readonly running: number; readonly breaker: string }[];
}

/** A proxy in front of scripted backends `b0`, `b1`, …; the first choice is always the first of them that may be asked. */
export interface Faulty {
  readonly proxy: TestProxy;
  readonly backends: readonly ScriptedBackend[];
  /** The backend of this number. */
  at(index: number): ScriptedBackend;
  /** What was recorded of the request with this `x-request-id`, once it has ended. */
  ended(id: string): Promise<RequestRecord>;
  /** What the admin API shows of a backend. */
  view(index: number): Promise<BackendView>;
}

/** Round robin gives a turn to the next weight only after a hundred thousand of the one before. */
const WEIGHTS = [1e10, 1e5, 1];

/** Starts everything on free ports; all of it ends with the test. */
export const startFaulty = async (count: number, options: FaultyOptions = {}): Promise<Faulty> => {
  const backends = await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const models = options.modelsOf?.[i] ?? options.models;
      return new ScriptedBackend(`b${i}`, { ...options, ...(models === undefined ? {} : { models }) }).listen();
    }),
  );
  onTestFinished(async () => {
    for (const backend of backends) await backend.refuse();
  });
  const { slots } = options;
  const proxy = await startProxy({
    backends: backends.map(({ name, url }, i) => ({
      name,
      url: url + (options.prefix ?? ''),
      weight: WEIGHTS[i] ?? 1,
      ...(slots === undefined ? {} : { slots }),
    })),
    // Only the look at a suspect is wanted here, no beat of its own.
    config: `routing: { strategy: round-robin }\nhealth: { interval: 10m }\n${options.config ?? ''}`,
  });
  onTestFinished(() => proxy.stop());
  return {
    proxy,
    backends,
    at: (index) => {
      const backend = backends[index];
      if (backend === undefined) throw new RangeError(`there is no backend ${index}`);
      return backend;
    },
    async ended(id) {
      await proxy.log.line(({ fields }) => fields['requestId'] === id && 'outcome' in fields);
      return (await proxy.admin('GET', `decisions/${id}`)).body as RequestRecord;
    },
    async view(index) {
      return (await proxy.admin('GET', `backends/b${index}`)).body as BackendView;
    },
  };
};

/** Looks again and again, a turn of the event loop apart, until this holds; for states that nothing announces. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
};
