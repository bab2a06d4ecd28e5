import type { Dispatcher } from 'undici';
import type { RunnerShape } from '../core/demand.ts';
import { errorText } from '../core/errors.ts';

export interface KeepAlive {
  readonly dispatcher: Dispatcher;
  /** '' or `/prefix`. */
  readonly pathPrefix: string;
  /** What the configuration adds for this backend. */
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** The model can only embed. */
  readonly embedding: boolean;
  /** The options it has, or shall have: other ones would make the server load it again. */
  readonly shape: RunnerShape;
  /** How long it stays after its last request: 0 = it goes, Infinity = for good, undefined = the server's default. */
  readonly keepAliveMs: number | undefined;
  /** For a load: hanging up aborts it (llm/server.go `WaitUntilRunning`), so longer than any load takes. */
  readonly timeoutMs: number;
}

export interface KeepAliveResult {
  readonly ok: boolean;
  /** '' when it went well. */
  readonly message: string;
}

/** The answer is a line of JSON; whoever writes more than this is no Ollama server. */
const MAX_BYTES = 64 * 1024;
/** How much of a server's own words goes into a message. */
const MAX_WORDS = 300;

/** Ollama reads a bare number as whole seconds and anything below 0 as for good (api/types.go `Duration`). */
const seconds = (ms: number): number => (ms === Number.POSITIVE_INFINITY ? -1 : Math.ceil(ms / 1000));

/** The runner options as a request names them; `rest` holds `name=value` with the value as it stood in the JSON. */
export const optionsOf = ({ numCtx, rest }: RunnerShape): Readonly<Record<string, unknown>> | undefined => {
  if (numCtx === undefined && rest === '') return undefined;
  const options: Record<string, unknown> = numCtx === undefined ? {} : { num_ctx: numCtx };
  for (const pair of rest === '' ? [] : rest.split(',')) {
    const at = pair.indexOf('=');
    options[pair.slice(0, at)] = JSON.parse(pair.slice(at + 1));
  }
  return options;
};

const bodyOf = ({ model, embedding, shape, keepAliveMs }: KeepAlive): string =>
  // Members that are undefined are left out.
  JSON.stringify({
    model,
    ...(embedding ? { input: [] } : { stream: false }),
    keep_alive: keepAliveMs === undefined ? undefined : seconds(keepAliveMs),
    options: optionsOf(shape),
  });

const readShort = async (body: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`answered more than ${MAX_BYTES} bytes; is this an Ollama server?`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** The server's own complaint; '' if it has none; undefined if this is no JSON object. */
const complaint = (text: string): string | undefined => {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== 'object' || answer === null) return undefined;
    const error: unknown = 'error' in answer ? answer.error : undefined;
    return typeof error === 'string' ? error : '';
  } catch {
    return undefined;
  }
};

/**
 * Loads a model, holds it or lets it go by a request without a prompt: `/api/generate` answers that with 400 for models
 * that can only embed, which take an empty input on `/api/embed` instead (seen on 0.24 and 0.33). On the latter route a
 * model that is to go and is not in memory would be loaded first.
 * @returns once the server has done it; never rejects
 */
export const sendKeepAlive = async (wanted: KeepAlive): Promise<KeepAliveResult> => {
  const path = `${wanted.pathPrefix}${wanted.embedding ? '/api/embed' : '/api/generate'}`;
  try {
    const { statusCode, body } = await wanted.dispatcher.request({
      method: 'POST',
      path,
      headers: { ...wanted.headers, 'content-type': 'application/json' },
      body: bodyOf(wanted),
      signal: AbortSignal.timeout(wanted.timeoutMs),
    });
    const text = await readShort(body);
    const error = complaint(text);
    if (statusCode !== 200) {
      const words = (error ?? '') === '' ? text.slice(0, MAX_WORDS) : error?.slice(0, MAX_WORDS);
      return { ok: false, message: `${path} answered ${statusCode}: ${words}` };
    }
    if (error === undefined) return { ok: false, message: `${path} answered no JSON; is this an Ollama server?` };
    if (error !== '') return { ok: false, message: `${path} failed: ${error.slice(0, MAX_WORDS)}` };
    return { ok: true, message: '' };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    return { ok: false, message: late ? `${path} gave no answer within ${wanted.timeoutMs} ms` : errorText(error) };
  }
};
