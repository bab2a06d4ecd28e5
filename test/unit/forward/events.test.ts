import { describe, expect, it } from 'vitest';
import { AnswerTail, errorMessage, firstRecord, StreamTail, wholeAnswer } from '../../../src/forward/events.ts';
import type { Dialect } from '../../../src/core/types.ts';

const end = (dialect: Dialect, ...chunks: readonly string[]): ReturnType<StreamTail['end']> => {
  const tail = new StreamTail(dialect);
  for (const chunk of chunks) tail.push(Buffer.from(chunk));
  return tail.end();
};

describe('the end of a stream', () => {
  it('gives all numbers of a native final record, nanoseconds as milliseconds', () => {
    const last = {
      done: true,
      load_duration: 1_500_000,
      prompt_eval_count: 10,
      prompt_eval_cached_count: 4,
      prompt_eval_duration: 2_000_000,
      eval_count: 20,
      eval_duration: 400_000_000,
    };
    expect(end('native', '{"done":false}\n', `${JSON.stringify(last)}\n`).usage).toEqual({
      promptTokens: 10,
      outputTokens: 20,
      cachedTokens: 4,
      loadMs: 1.5,
      prefillMs: 2,
      decodeMs: 400,
    });
  });

  it.each([
    ['native', '{"done":false}\n', false],
    ['native', '', false],
    ['native', '{"done":true}', true],
    ['native', '{"status":"success"}\n', false],
    ['openai', 'data: {"choices":[]}\n\n', false],
    ['openai', 'data: [DONE]\n\n', true],
    ['openai', 'data:[DONE]\n\n', true],
    ['openai', ': a comment\n\ndata: [DONE]\n\n', true],
    ['openai', 'event: response.completed\ndata: {"response":{"usage":{"input_tokens":1}}}\n\n', true],
    ['openai', 'event: response.incomplete\ndata: {}\n\n', true],
    ['openai', 'event: response.failed\ndata: {}\n\n', false],
    ['anthropic', 'event: message_stop\ndata: {"type":"message_stop"}\n\n', true],
    ['anthropic', 'event: message_delta\ndata: {}\n\n', false],
    ['openai', 'data: {"error":{"message":"x"}}\n\ndata: [DONE]\n\n', false],
  ] as const)('is seen or missed: %s %j', (dialect, text, complete) => {
    expect(end(dialect, text).complete).toBe(complete);
  });

  it('gives the usage of a Responses stream and of the usage chunk of a chat', () => {
    const responses =
      'event: response.completed\ndata: {"response":{"usage":{"input_tokens":3,"output_tokens":4}}}\n\n';
    expect(end('openai', responses).usage).toMatchObject({ promptTokens: 3, outputTokens: 4 });
    const usage = { prompt_tokens: 5, completion_tokens: 6, prompt_tokens_details: { cached_tokens: 2 } };
    expect(
      end('openai', `data: ${JSON.stringify({ choices: [], usage })}\n\n`, 'data: [DONE]\n\n').usage,
    ).toMatchObject({
      promptTokens: 5,
      outputTokens: 6,
      cachedTokens: 2,
    });
  });

  it('is not read from numbers that make no sense', () => {
    const { usage } = end('native', '{"done":true,"eval_count":-1,"prompt_eval_count":"7","eval_duration":-5}\n');
    expect(usage).toMatchObject({ outputTokens: undefined, promptTokens: undefined, decodeMs: undefined });
  });

  it('is found after a stream of any length, of which little is kept', () => {
    const tail = new StreamTail('native');
    const chunk = Buffer.from(`${JSON.stringify({ response: 'x'.repeat(60_000), done: false })}\n`);
    for (let i = 0; i < 1_000; i++) tail.push(chunk);
    tail.push(Buffer.from('{"done":true,"eval_count":9}\n'));
    expect(tail.end()).toMatchObject({ complete: true, usage: { outputTokens: 9 } });
  });

  it.each(['\n', '\r\n'])('is found after a long stream of which every record’s end was cut in two: %j', (newline) => {
    const tail = new StreamTail('openai');
    const record = Buffer.from(`data: ${JSON.stringify({ choices: [], text: 'x'.repeat(60_000) })}${newline}`);
    for (let i = 0; i < 200; i++) {
      tail.push(record);
      for (const byte of Buffer.from(newline)) tail.push(Buffer.from([byte]));
    }
    tail.push(Buffer.from(`data: [DONE]${newline}${newline}`));
    expect(tail.end().complete).toBe(true);
  });

  it('is called incomplete, not held in memory, when one record is longer than any that Ollama sends', () => {
    const tail = new StreamTail('openai');
    for (let i = 0; i < 9; i++) tail.push(Buffer.alloc(1024 * 1024, 'x'));
    expect(tail.end()).toEqual({ complete: false, error: undefined, usage: undefined });
  });
});

describe('the first record of a stream', () => {
  it.each([
    ['native', '{"a":1}', { kind: 'more' }],
    ['native', '{"a":1}\n{"b', { kind: 'fine' }],
    ['native', '{"error":"oom"}\n', { kind: 'error', message: 'oom' }],
    ['native', '{"error":null}\n', { kind: 'fine' }],
    ['native', '<html>\n', { kind: 'garbage' }],
    ['openai', 'data: {"a":1}\n', { kind: 'more' }],
    ['openai', 'data: {"a":1}\n\n', { kind: 'fine' }],
    ['openai', 'data: {"a":1}\r\n\r\n', { kind: 'fine' }],
    ['openai', 'data: [DONE]\n\n', { kind: 'fine' }],
    ['openai', ': waiting\n\n', { kind: 'fine' }],
    ['openai', 'data: <html>\n\n', { kind: 'garbage' }],
    ['openai', 'data: {"error":{"message":"oom"}}\n\n', { kind: 'error', message: 'oom' }],
    ['openai', 'data: {"error":{}}\n\n', { kind: 'error', message: 'unknown error' }],
    [
      'anthropic',
      'event: error\ndata: {"type":"error","error":{"message":"busy"}}\n\n',
      { kind: 'error', message: 'busy' },
    ],
  ] as const)('is judged: %s %j', (dialect, head, verdict) => {
    expect(firstRecord(dialect, Buffer.from(head))).toEqual(verdict);
  });
});

describe('an answer in one piece', () => {
  it.each([
    ['native', '{"done":true,"eval_count":2}', true, 2],
    ['openai', '{"usage":{"completion_tokens":2}}', true, 2],
    ['anthropic', '{"usage":{"output_tokens":2}}', true, 2],
    ['openai', '{"data":[]}', true, undefined],
    ['native', '{"done":', false, undefined],
    ['native', '[]', false, undefined],
    ['native', '', false, undefined],
  ] as const)('is whole or not, and gives its numbers: %s %s', (dialect, text, valid, outputTokens) => {
    const answer = wholeAnswer(dialect, Buffer.from(text));
    expect([answer.valid, answer.usage?.outputTokens]).toEqual([valid, outputTokens]);
  });

  it.each([
    ['native', '],"total_duration":9,"load_duration":2000000,"prompt_eval_count":8}', { promptTokens: 8, loadMs: 2 }],
    ['openai', '],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}\n', { promptTokens: 8 }],
  ] as const)('that is too long to hold gives them at its end, however it was cut: %s', (dialect, tail, expected) => {
    const bytes = Buffer.from(`{"embeddings":[[${'0.12345,'.repeat(50_000)}0]${tail}`);
    for (const size of [1, 100, 65_536]) {
      const answer = new AnswerTail();
      for (let at = 0; at < bytes.length; at += size) answer.push(bytes.subarray(at, at + size));
      expect(answer.usage(dialect)).toMatchObject(expected);
    }
  });

  it('gives no numbers that stand inside a text', () => {
    const answer = new AnswerTail();
    answer.push(Buffer.from(JSON.stringify({ response: '"prompt_eval_count": 5, "eval_count": 6}' })));
    expect(answer.usage('native')).toBeUndefined();
  });
});

describe('the message of an error answer', () => {
  it.each([
    ['{"error":"plain"}', 'plain'],
    ['{"error":{"message":"shaped","type":"api_error"}}', 'shaped'],
    ['{"type":"error","error":{"type":"x","message":"anthropic"}}', 'anthropic'],
    ['404 page not found', '404 page not found'],
    ['', ''],
    ['x'.repeat(900), 'x'.repeat(500)],
  ])('is found in whichever shape it came: %s', (body, message) => {
    expect(errorMessage(Buffer.from(body))).toBe(message);
  });
});
