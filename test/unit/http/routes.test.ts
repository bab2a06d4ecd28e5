import { describe, expect, it } from 'vitest';
import { modelMissing, modelNotFoundText, routeOf } from '../../../src/http/routes.ts';

describe('the table of routes', () => {
  it.each<[string, string, object]>([
    ['POST', '/api/chat', { endpoint: 'chat', dialect: 'native', forwarder: 'inference' }],
    ['POST', '/api/embeddings', { endpoint: 'embed', dialect: 'native', forwarder: 'inference' }],
    ['POST', '/v1/responses', { endpoint: 'chat', dialect: 'openai', forwarder: 'inference' }],
    ['POST', '/v1/messages', { endpoint: 'chat', dialect: 'anthropic', forwarder: 'inference' }],
    ['GET', '/api/chat', { endpoint: 'other', dialect: 'native', forwarder: 'passthrough', unknown: true }],
    ['POST', '/api/show', { endpoint: 'other', forwarder: 'passthrough', modelIn: ['model', 'name'], resolves: true }],
    ['DELETE', '/api/delete', { forwarder: 'change', change: 'delete', modelIn: ['model', 'name'] }],
    ['POST', '/api/copy', { forwarder: 'change', change: 'copy', modelIn: ['source'] }],
    ['POST', '/api/pull', { forwarder: 'change', change: 'pull', modelIn: ['model', 'name'] }],
    ['HEAD', '/api/blobs/sha256:00', { forwarder: 'change', change: 'upload', modelIn: [] }],
    ['POST', '/api/blobs/sha256:00', { forwarder: 'change', change: 'upload', modelIn: [] }],
    ['GET', '/api/blobs/sha256:00', { forwarder: 'passthrough' }],
    ['POST', '/api/blobs/a/b', { forwarder: 'passthrough' }],
    ['POST', '/v1/something/new', { endpoint: 'other', dialect: 'openai', forwarder: 'passthrough', unknown: true }],
    ['POST', '/api/something/new', { endpoint: 'other', dialect: 'native', forwarder: 'passthrough', unknown: true }],
    ['POST', '/constructor', { endpoint: 'other', dialect: 'native', forwarder: 'passthrough' }],
    ['GET', '/', { endpoint: 'other', dialect: 'native', modelIn: [] }],
  ])('%s %s', (method, path, route) => {
    expect(routeOf(method, path)).toMatchObject(route);
  });

  it('takes no name of an object for a route', () => {
    for (const name of ['__proto__', 'toString', 'constructor']) {
      expect(routeOf(name, '')).toMatchObject({ forwarder: 'passthrough' });
    }
  });
});

describe('the words for a model that nobody has', () => {
  it.each([
    ['/api/chat', "model 'x' not found"],
    ['/v1/chat/completions', "model 'x' not found"],
    ['/api/embed', 'model "x" not found, try pulling it first'],
    ['/api/embeddings', 'model "x" not found, try pulling it first'],
    ['/v1/embeddings', 'model "x" not found, try pulling it first'],
  ])('are those of %s', (path, text) => {
    expect(modelNotFoundText(path, 'x')).toBe(text);
  });

  it.each([
    ['/api/generate', true, "model '' not found"],
    ['/api/embed', true, "model '' not found"],
    ['/api/chat', false, 'model is required'],
    ['/v1/messages', false, 'model is required'],
  ])('are those of %s when there is no name', (path, notFound, text) => {
    expect(modelMissing(path)).toEqual({ notFound, text });
  });
});
