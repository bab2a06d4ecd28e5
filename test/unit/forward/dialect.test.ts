import { describe, expect, it } from 'vitest';
import { errorRules, type ErrorCode } from '../../../src/core/errors.ts';
import { errorBody, errorContentType, inBandError } from '../../../src/forward/dialect.ts';

describe('an error of ours', () => {
  it.each([
    ['native', '{"error":"m"}'],
    ['openai', '{"error":{"message":"m","type":"api_error","param":null,"code":"no_backend"}}\n'],
    ['anthropic', '{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}\n'],
  ] as const)('has the shape of the API that was called: %s', (dialect, body) => {
    expect(errorBody(dialect, 'no_backend', 'm', 'r')).toBe(body);
  });

  it('leaves the code null where Ollama does, for clients that pull on a missing model', () => {
    expect(JSON.parse(errorBody('openai', 'model_not_found', 'm', 'r'))).toEqual({
      error: { message: 'm', type: 'not_found_error', param: null, code: null },
    });
  });

  it.each([
    ['bad_request', 'invalid_request_error'],
    ['unauthorized', 'authentication_error'],
    ['forbidden', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['body_too_large', 'invalid_request_error'],
    ['rate_limited', 'rate_limit_error'],
    ['queue_full', 'overloaded_error'],
    ['backend_failed', 'api_error'],
  ] as const)('has the Anthropic type of its status: %s', (code, type) => {
    expect(JSON.parse(errorBody('anthropic', code, 'm', 'r'))).toMatchObject({ error: { type } });
  });

  it('is JSON for every code and every message', () => {
    for (const code of Object.keys(errorRules) as ErrorCode[]) {
      for (const dialect of ['native', 'openai', 'anthropic'] as const) {
        expect(errorBody(dialect, code, 'a "quote"\n<tag>', 'r')).toContain(JSON.stringify('a "quote"\n<tag>'));
      }
    }
  });

  it('in the middle of a stream is one whole record of it', () => {
    expect(inBandError('native', 'm')).toBe('{"error":"m"}\n');
    expect(inBandError('openai', 'm')).toMatch(/^data: \{"error":\{"message":"m".*\}\n\n$/);
    expect(inBandError('anthropic', 'm')).toMatch(/^event: error\ndata: \{"type":"error".*\}\n\n$/);
  });

  it('has the content type that Ollama gives errors', () => {
    expect(errorContentType('native')).toBe('application/json; charset=utf-8');
    expect(errorContentType('openai')).toBe('application/json');
  });
});
