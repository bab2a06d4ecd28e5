import { describe, expect, it } from 'vitest';
import { PrefixHasher } from '../../../src/forward/prefix-hash.ts';
import { TASK_CATEGORIES } from '../../../src/core/types.ts';
import { passthroughModel, readAsk, readWishes, withModel } from '../../../src/http/ask.ts';
import { routeOf } from '../../../src/http/routes.ts';
import { thrownBy } from './thrown-by.ts';

const read = (path: string, body: string, headers: Record<string, string> = {}) =>
  readAsk(routeOf('POST', path), path, headers, Buffer.from(body), new PrefixHasher([1, 2]));

describe('an inference request', () => {
  it('is read as Go reads it: names without case, the last one counts, null is nothing', () => {
    expect(read('/api/chat', '{"model":"a","MODEL":" b ","stream":null,"x":1} tail').model).toBe('b');
    expect(read('/api/chat', '{"model":"b","model":null,"Model":"c"}').model).toBe('c');
  });

  it.each<[string, string, boolean]>([
    ['/api/chat', '{"model":"a"}', true],
    ['/api/generate', '{"model":"a"}', true],
    ['/api/chat', '{"model":"a","stream":false}', false],
    ['/api/chat', '{"model":"a","stream":null}', true],
    ['/api/embed', '{"model":"a"}', false],
    ['/api/embed', '{"model":"a","stream":true}', false],
    ['/v1/chat/completions', '{"model":"a"}', false],
    ['/v1/chat/completions', '{"model":"a","stream":true}', true],
    ['/v1/messages', '{"model":"a","stream":true}', true],
    ['/v1/messages', '{"model":"a"}', false],
  ])('knows whether %s %s streams', (path, body, stream) => {
    expect(read(path, body).stream).toBe(stream);
  });

  it('gives the words of the prompt only when asked, and none rather than an error', () => {
    expect(read('/api/generate', '{"model":"a","prompt":"hi","system":"be brief"}').prompt()).toEqual({
      text: 'hi',
      system: 'be brief',
    });
    expect(read('/api/chat', '{"model":"a","messages":7}').prompt()).toEqual({ text: '', system: '' });
  });

  it.each<[string, string, Record<string, string>, string | undefined]>([
    [
      'our own header first',
      '{"model":"a","user":"u"}',
      { 'x-task-router-session': 's', 'x-openwebui-chat-id': 'c' },
      's',
    ],
    ['then the chat of Open WebUI', '{"model":"a","user":"u"}', { 'x-openwebui-chat-id': 'c' }, 'c'],
    ['then the cache key', '{"model":"a","user":"u","prompt_cache_key":"k"}', {}, 'k'],
    ['then the user', '{"model":"a","user":"u","metadata":{"user_id":"m"}}', {}, 'u'],
    ['then the user of the metadata', '{"model":"a","metadata":{"user_id":"m"}}', {}, 'm'],
    ['empty text is no key', '{"model":"a","user":"","metadata":{"user_id":""}}', {}, undefined],
    ['what is no text is no key', '{"model":"a","user":7,"metadata":"m"}', {}, undefined],
    ['or none', '{"model":"a"}', {}, undefined],
  ])('names the session it belongs to: %s', (_which, body, headers, key) => {
    expect(read('/v1/chat/completions', body, headers).affinityKey).toBe(key);
  });

  it.each<[string, string, string, string]>([
    ['/api/chat', '', 'bad_request', 'missing request body'],
    ['/v1/messages', '', 'bad_request', 'EOF'],
    ['/api/chat', '{}', 'bad_request', 'model is required'],
    ['/api/generate', '{}', 'model_not_found', "model '' not found"],
    ['/api/chat', '{"model":" "}', 'bad_request', 'model is required'],
    ['/api/chat', '7', 'bad_request', 'json: cannot unmarshal number into Go value of type api.ChatRequest'],
    [
      '/v1/messages',
      '7',
      'bad_request',
      'json: cannot unmarshal number into Go value of type anthropic.MessagesRequest',
    ],
    [
      '/v1/completions',
      '{"model":true}',
      'bad_request',
      'json: cannot unmarshal bool into Go struct field CompletionRequest.model of type string',
    ],
    [
      '/api/chat',
      '{"model":"a","stream":1}',
      'bad_request',
      'json: cannot unmarshal number into Go struct field ChatRequest.stream of type bool',
    ],
    ['/api/chat', '{"model":"a"', 'bad_request', 'unexpected EOF'],
  ])('is refused in the words of the server: %s %s', (path, body, code, message) => {
    expect(thrownBy(() => read(path, body))).toMatchObject({ code, message });
  });
});

describe('another name in the place of the model', () => {
  it('leaves every other byte as it was', () => {
    const text = ' {"a":"model","model" :"\\u0061b", "z":"é"}';
    const { body, modelSpan } = read('/api/chat', text);
    expect(withModel(body, modelSpan, 'x"y').toString()).toBe(' {"a":"model","model" :"x\\"y", "z":"é"}');
  });
});

describe('a request that runs no model', () => {
  it.each<[string, string, string, string | undefined]>([
    ['POST', '/api/show', '{"model":" a "}', 'a'],
    ['POST', '/api/show', '{"name":"b"}', 'b'],
    ['POST', '/api/show', '{"name":"b","model":"a"}', 'a'],
    ['POST', '/api/show', '{"name":"b","model":""}', 'b'],
    ['POST', '/api/copy', '{"source":"c","destination":"d"}', 'c'],
    ['DELETE', '/api/delete', '{"name":"e"}', 'e'],
    ['POST', '/api/show', '{"model":7}', undefined],
    ['POST', '/api/show', 'no json', undefined],
    ['POST', '/api/show', '', undefined],
  ])('%s %s %s names its model', (method, path, body, model) => {
    expect(passthroughModel(routeOf(method, path), Buffer.from(body))?.model).toBe(model);
  });
});

describe('the wishes of a client', () => {
  it('are none by default', () => {
    expect(readWishes({}, undefined, TASK_CATEGORIES)).toEqual({
      category: undefined,
      priority: 'normal',
      deadlineMs: Infinity,
      explain: false,
    });
  });

  it('are read from its headers', () => {
    const headers = {
      'x-task-router-category': 'code-review',
      'x-task-router-priority': 'interactive',
      'x-task-router-deadline': '1m30s',
      'x-task-router-explain': '1',
    };
    expect(readWishes(headers, undefined, TASK_CATEGORIES)).toEqual({
      category: 'code-review',
      priority: 'interactive',
      deadlineMs: 90_000,
      explain: true,
    });
  });

  it('quote a wrong value only in part', () => {
    const error = thrownBy(() =>
      readWishes({ 'x-task-router-category': 'x'.repeat(5_000) }, undefined, TASK_CATEGORIES),
    );
    expect(error).toMatchObject({ code: 'bad_request', status: 400 });
    expect(error.message.length).toBeLessThan(300);
  });
});
