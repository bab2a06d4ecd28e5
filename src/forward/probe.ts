import { Client } from 'undici';
import type { InstalledModel, LoadedModel, Seen } from '../backends/backend.ts';
import type { Probe } from '../backends/prober.ts';
import type { ConnectOptions } from './backend-tls.ts';
import { isClosed } from './reuse.ts';
import { connectionText, tlsAdvice } from './tls-errors.ts';

/** A list of a thousand models is about half a megabyte; more than this is no list of models. */
const MAX_BYTES = 16 * 1024 * 1024;

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const size = (value: unknown): number => (typeof value === 'number' && value >= 0 ? value : 0);

const entries = (answer: unknown): readonly Json[] => {
  const models = isObject(answer) ? answer['models'] : undefined;
  // Go writes an empty list of nothing as null.
  return Array.isArray(models) ? models.filter(isObject) : [];
};

const installed = (answer: unknown): InstalledModel[] =>
  entries(answer)
    .map((entry) => ({
      name: text(entry['name']),
      digest: text(entry['digest']),
      sizeBytes: size(entry['size']),
      entry,
    }))
    .filter(({ name }) => name !== '');

/** A model that is to stay for good is listed with a date centuries away. */
const FOR_GOOD_MS = 10 * 365 * 24 * 3_600_000;

/** ms from `now` until the time that Go wrote, which has nanoseconds and an offset. */
const until = (value: unknown, now: number): number => {
  const at = Date.parse(text(value).replace(/(\.\d{3})\d+/, '$1'));
  const left = at - now;
  return Number.isNaN(left) || left > FOR_GOOD_MS ? Infinity : left;
};

/** @param now wall time of the server in ms: its clock may differ from ours by any amount */
const loaded = (answer: unknown, now: number): LoadedModel[] =>
  entries(answer)
    .map((entry) => ({
      name: text(entry['name']),
      sizeBytes: size(entry['size']),
      vramBytes: size(entry['size_vram']),
      contextLength: size(entry['context_length']),
      digest: text(entry['digest']),
      expiresInMs: until(entry['expires_at'], now),
      entry,
    }))
    .filter(({ name }) => name !== '');

const WANTS_CERTIFICATE = '; if it wants a certificate of ours, set backends[].tls.cert and key';

export interface ProbeTarget {
  readonly origin: string;
  /** '' or `/prefix`. */
  readonly pathPrefix: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connect?: ConnectOptions;
}

/**
 * Looks at one Ollama server over a connection of its own, so that probes never wait behind traffic nor traffic behind
 * them. `/api/version` takes no lock in Ollama and decides about life; `/api/tags` and `/api/ps` say what it has.
 */
export const createProbe = ({ origin, pathPrefix, headers, connect }: ProbeTarget): Probe => {
  const client = new Client(origin, { pipelining: 1, maxResponseSize: MAX_BYTES, connect: { ...connect } });
  // A server that wants one says so only once the handshake is over, and mostly by hanging up.
  const unseen = origin.startsWith('https:') && connect?.cert === undefined;
  let serverNow = Number.NaN;
  let last: readonly InstalledModel[] | undefined;
  const get = async (path: string, signal: AbortSignal): Promise<unknown> => {
    const answer = await client.request({ method: 'GET', path: `${pathPrefix}${path}`, headers, signal });
    serverNow = Date.parse(text(answer.headers['date']));
    const body = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}`);
    try {
      return JSON.parse(body);
    } catch {
      throw new Error(`${path} answered no JSON; is this an Ollama server?`);
    }
  };
  return {
    async look(timeoutMs, brief): Promise<Seen> {
      try {
        const signal = AbortSignal.timeout(timeoutMs);
        const version = await get('/api/version', signal);
        if (!brief || last === undefined) last = installed(await get('/api/tags', signal));
        const ps = await get('/api/ps', signal);
        return {
          up: true,
          version: text(isObject(version) ? version['version'] : undefined),
          installed: last,
          loaded: loaded(ps, Number.isNaN(serverNow) ? Date.now() : serverNow),
        };
      } catch (error) {
        const timedOut = error instanceof Error && error.name === 'TimeoutError';
        if (timedOut) return { up: false, error: `no answer to a probe within ${timeoutMs} ms` };
        const words = tlsAdvice(error) ?? connectionText(error);
        return { up: false, error: unseen && isClosed(error) ? `${words}${WANTS_CERTIFICATE}` : words };
      }
    },
    close() {
      client.destroy().catch(() => {});
    },
  };
};
