import type { Dialect, Endpoint } from '../core/types.ts';

/** How a request is forwarded and where it names its model. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly dialect: Dialect;
  readonly forwarder: 'inference' | 'passthrough';
  /** Member of the JSON body that names the model, in order of preference; empty = the body is not read. */
  readonly modelIn: readonly string[];
  /** The request struct's name in Go's type errors. */
  readonly goType: string;
}

const inference = (endpoint: Endpoint, dialect: Dialect, goType: string): Route => ({
  endpoint,
  dialect,
  forwarder: 'inference',
  modelIn: ['model'],
  goType,
});

const passthrough = (dialect: Dialect, ...modelIn: readonly string[]): Route => ({
  endpoint: 'other',
  dialect,
  forwarder: 'passthrough',
  modelIn,
  goType: 'Request',
});

/** The one table of routes that need more than being handed on (Ollama server/routes.go, GenerateRoutes, v0.33). */
const ROUTES: Readonly<Record<string, Route>> = {
  'POST /api/generate': inference('generate', 'native', 'GenerateRequest'),
  'POST /api/chat': inference('chat', 'native', 'ChatRequest'),
  'POST /api/embed': inference('embed', 'native', 'EmbedRequest'),
  'POST /api/embeddings': inference('embed', 'native', 'EmbeddingRequest'),
  'POST /v1/chat/completions': inference('chat', 'openai', 'ChatCompletionRequest'),
  'POST /v1/completions': inference('generate', 'openai', 'CompletionRequest'),
  'POST /v1/embeddings': inference('embed', 'openai', 'EmbedRequest'),
  'POST /v1/responses': inference('chat', 'openai', 'ResponsesRequest'),
  'POST /v1/messages': inference('chat', 'anthropic', 'MessagesRequest'),
  'POST /api/show': passthrough('native', 'model', 'name'),
  'POST /api/push': passthrough('native', 'model', 'name'),
  'POST /api/copy': passthrough('native', 'source'),
  'DELETE /api/delete': passthrough('native', 'model', 'name'),
};

const NATIVE = passthrough('native');
const OPENAI = passthrough('openai');

/**
 * The route of a request; unknown ones are handed on as they are, so that newer servers keep their newer routes.
 * @param path without the query
 */
export const routeOf = (method: string, path: string): Route =>
  ROUTES[`${method} ${path}`] ?? (path.startsWith('/v1/') ? OPENAI : NATIVE);

/** What Ollama answers when a request names a model that it does not have, in the words of that route. */
export const modelNotFoundText = (path: string, model: string): string =>
  path === '/api/embed' || path === '/api/embeddings' || path === '/v1/embeddings'
    ? `model ${JSON.stringify(model)} not found, try pulling it first`
    : `model '${model}' not found`;

/** What Ollama answers when `model` is missing or empty: a 404 on two routes, a 400 on the others. */
export const modelMissing = (path: string): { readonly notFound: boolean; readonly text: string } =>
  path === '/api/generate' || path === '/api/embed'
    ? { notFound: true, text: "model '' not found" }
    : { notFound: false, text: 'model is required' };
