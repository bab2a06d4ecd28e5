/**
 * The bytes that the fake backend sends and the load generator expects. Both compute them from the same request, so a
 * byte that is lost, doubled, out of order or of another request is seen.
 */

export const MODEL = 'bench:latest';

/** What one request asks of the fake backend; travels in the query, which every proxy hands on untouched. */
export interface Shape {
  /** Lines of a streamed answer, ≥ 2; 0 = one whole JSON answer. */
  readonly lines: number;
  /** ms between two lines. */
  readonly gapMs: number;
  /** The last line waits until the backend is told to release it. */
  readonly hold: boolean;
}

export const pathOf = (tag: string, { lines, gapMs, hold }: Shape): string =>
  `/api/chat?tag=${tag}&lines=${lines}&gap=${gapMs}&hold=${hold ? 1 : 0}`;

const AT = '2026-01-01T00:00:00.000000Z';
const STATISTICS =
  '"done_reason":"stop","total_duration":1000000,"load_duration":1000,"prompt_eval_count":26,' +
  '"prompt_eval_duration":100000,"eval_count":50,"eval_duration":800000';

/** A whole native answer; the length of the body that arrived is part of it. */
export const wholeAnswer = (tag: string, bodyBytes: number): string =>
  `{"model":"${MODEL}","created_at":"${AT}","message":{"role":"assistant","content":"${tag} ${bodyBytes}"},` +
  `"done":true,${STATISTICS}}`;

/** Line `index` of `lines` of a native stream; the last one is the final record. */
export const streamLine = (tag: string, index: number, lines: number): string =>
  index < lines - 1
    ? `{"model":"${MODEL}","created_at":"${AT}","message":{"role":"assistant","content":"${tag}.${index}"},"done":false}\n`
    : `{"model":"${MODEL}","created_at":"${AT}","message":{"role":"assistant","content":""},"done":true,${STATISTICS}}\n`;

/** The whole body that a client has to receive. */
export const expectedBody = (tag: string, bodyBytes: number, { lines }: Shape): string =>
  lines === 0
    ? wholeAnswer(tag, bodyBytes)
    : Array.from({ length: lines }, (_, index) => streamLine(tag, index, lines)).join('');

const SENTENCE = 'Explain how the parser in this file reads a nested list and where it keeps the comments. ';

/** A chat request with a prompt of about `promptBytes`. */
export const requestBody = (promptBytes: number, stream: boolean): Buffer =>
  Buffer.from(
    JSON.stringify({
      model: MODEL,
      messages: [
        { role: 'system', content: 'You are a helpful assistant.' },
        { role: 'user', content: SENTENCE.repeat(Math.ceil(promptBytes / SENTENCE.length)).slice(0, promptBytes) },
      ],
      stream,
    }),
  );
