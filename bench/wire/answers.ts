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

/** What is sent: a prompt, a conversation, pictures, texts to embed, or a file that nobody looks into. */
export type Content = 'prompt' | 'history' | 'images' | 'embed' | 'file';

const PATHS: Readonly<Record<Content, string>> = {
  prompt: '/api/chat',
  history: '/api/chat',
  images: '/api/chat',
  embed: '/api/embed',
  // No route of Ollama: proxies that know Ollama hand it on, as they do with what newer servers have.
  file: '/api/file',
};

export const pathOf = (tag: string, content: Content, { lines, gapMs, hold }: Shape): string =>
  `${PATHS[content]}?tag=${tag}&lines=${lines}&gap=${gapMs}&hold=${hold ? 1 : 0}`;

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

const SYSTEM = { role: 'system', content: 'You are a helpful assistant.' };
/** As long as a turn of a conversation about code, and as a text that is embedded. */
const TURN_BYTES = 1_500;

const text = (bytes: number): string => SENTENCE.repeat(Math.ceil(bytes / SENTENCE.length)).slice(0, bytes);

const turns = (bytes: number): readonly object[] =>
  Array.from({ length: Math.ceil(bytes / TURN_BYTES) | 1 }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `${index}: ${text(TURN_BYTES)}`,
  }));

const members = (content: Content, bytes: number): object => {
  switch (content) {
    case 'prompt':
    case 'file':
      return { messages: [SYSTEM, { role: 'user', content: text(bytes) }] };
    case 'history':
      return { messages: [SYSTEM, ...turns(bytes)] };
    case 'images':
      // Two pictures: base64 of bytes that no compression or pattern makes cheap to look at.
      return {
        messages: [{ role: 'user', content: 'What is on these?', images: [picture(bytes / 2), picture(bytes / 2)] }],
      };
    case 'embed':
      return { input: Array.from({ length: Math.ceil(bytes / TURN_BYTES) }, () => text(TURN_BYTES)) };
  }
};

/** Base64 of about `bytes` characters; a small generator with a fixed seed (Numerical Recipes), so that runs agree. */
const picture = (bytes: number): string => {
  const raw = Buffer.alloc(Math.floor((bytes * 3) / 4));
  for (let i = 0, x = 1; i + 4 <= raw.length; i += 4) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    raw.writeUInt32LE(x, i);
  }
  return raw.toString('base64');
};

/** A request of about `bytes`. */
export const requestBody = (content: Content, bytes: number, stream: boolean): Buffer =>
  Buffer.from(JSON.stringify({ model: MODEL, ...members(content, bytes), stream }));
