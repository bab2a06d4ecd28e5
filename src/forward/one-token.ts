import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { RunnerShape } from '../core/demand.ts';
import type { Outcome } from '../core/types.ts';
import { classifyError, classifyStatus } from './classify.ts';
import { errorMessage } from './events.ts';
import { optionsOf } from './keep-alive.ts';

export interface OneToken {
  readonly dispatcher: Dispatcher;
  /** '' or `/prefix`. */
  readonly pathPrefix: string;
  /** What the configuration adds for this backend. */
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** The options that the model has in memory: other ones would make the server load it again. */
  readonly shape: RunnerShape;
  /** A server that is silent for so long hangs. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** An answer of one token is a line of JSON; whoever writes more than this is no Ollama server. */
const MAX_BYTES = 1024 * 1024;
/** Neither template nor thought: the shortest work that goes through the whole server. */
const PROMPT = '1';

/** How undici and the system say that there was no connection at all. */
const NO_CONNECTION = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

/** How Ollama refuses to generate with a model that can only embed (server/routes.go). */
const ONLY_EMBEDS = /does not support generate/;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks for one token, without keep_alive, so that how long the model stays is not touched. A model that can only embed is
 * given one word to embed instead.
 * @returns how it went, once that is known; never rejects
 */
export const askOneToken = async (wanted: OneToken): Promise<Outcome> => {
  const { model, shape, clock } = wanted;
  const startedAt = clock.now();
  const deadline = AbortSignal.timeout(Math.ceil(wanted.timeoutMs));
  const options = optionsOf(shape);
  try {
    let answer = await post(wanted, '/api/generate', deadline, {
      model,
      prompt: PROMPT,
      raw: true,
      stream: false,
      options: { ...options, num_predict: 1 },
    });
    if (answer.status === 400 && ONLY_EMBEDS.test(answer.text)) {
      answer = await post(wanted, '/api/embed', deadline, { model, input: PROMPT, options });
    }
    return judge(answer, clock.now() - startedAt);
  } catch (error) {
    const totalMs = clock.now() - startedAt;
    if (deadline.aborted) {
      const message = `gave no token within ${wanted.timeoutMs} ms`;
      return { kind: 'backend-failed', phase: 'head', blame: 'model', reason: 'timeout', message, totalMs };
    }
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const phase = NO_CONNECTION.test(code) ? 'connect' : 'head';
    const { blame, reason, message } = classifyError(error, phase);
    return { kind: 'backend-failed', phase, blame, reason, message, totalMs };
  }
};

const post = async (wanted: OneToken, path: string, signal: AbortSignal, body: object): Promise<Answer> => {
  const answer = await wanted.dispatcher.request({
    method: 'POST',
    path: wanted.pathPrefix + path,
    headers: { ...wanted.headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`answered more than ${MAX_BYTES} bytes to a request for one token`);
    chunks.push(chunk);
  }
  return { status: answer.statusCode, text: Buffer.concat(chunks).toString('utf8') };
};

const judge = ({ status, text }: Answer, totalMs: number): Outcome => {
  if (status < 400) {
    return errorMessageOf(text) === ''
      ? { kind: 'served', status, firstByteMs: totalMs, totalMs, usage: undefined }
      : failedWith(`answered: ${errorMessageOf(text)}`, totalMs);
  }
  const verdict = classifyStatus(status, errorMessage(Buffer.from(text)));
  if (verdict === 'answer') return { kind: 'client-error', status, totalMs };
  const { blame, reason, message } = verdict;
  return { kind: 'backend-failed', phase: 'first-byte', blame, reason, message, totalMs };
};

const failedWith = (message: string, totalMs: number): Outcome => ({
  kind: 'backend-failed',
  phase: 'first-byte',
  blame: 'model',
  reason: 'bad-answer',
  message,
  totalMs,
});

/** What a good status hides: an error, or something that is no JSON. '' where all is well. */
const errorMessageOf = (text: string): string => {
  try {
    const answer: unknown = JSON.parse(text);
    const error: unknown =
      typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined;
    return typeof error === 'string' ? error : '';
  } catch {
    return 'no valid JSON';
  }
};
