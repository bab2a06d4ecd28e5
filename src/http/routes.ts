import type { Dialect, Endpoint } from '../core/types.ts';

/** What is answered from what the backends last said of themselves. */
export type PoolRead = 'root' | 'version' | 'tags' | 'ps' | 'models';

/** How a request is forwarded and where it names its model. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly dialect: Dialect;
  readonly forwarder: 'inference' | 'passthrough' | 'read';
  /** What a `read` asks of the pool. */
  readonly read?: PoolRead;
  /** Member of the JSON body that names the model, in order of preference; empty = the body is not read. */
  readonly modelIn: readonly string[];
  /** A name that stands for another model is replaced by it; else it stays, so that nothing is deleted by its alias. */
  readonly resolves: boolean;
  /** The request struct's name in Go's type errors. */
  readonly goType: string;
}

const inference = (endpoint: Endpoint, dialect: Dialect, goType: string): Route => ({
  endpoint,
  dialect,
  forwarder: 'inference',
  modelIn: ['model'],
  resolves: true,
  goType,
});

const passthrough = (dialect: Dialect, ...modelIn: readonly string[]): Route => ({
  endpoint: 'other',
  dialect,
  forwarder: 'passthrough',
  modelIn,
  resolves: false,
  goType: 'Request',
});

const read = (dialect: Dialect, what: PoolRead): Route => ({
  ...passthrough(dialect),
  forwarder: 'read',
  read: what,
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
  'GET /': read('native', 'root'),
  'HEAD /': read('native', 'root'),
  'GET /api/version': read('native', 'version'),
  'HEAD /api/version': read('native', 'version'),
  'GET /api/tags': read('native', 'tags'),
  'HEAD /api/tags': read('native', 'tags'),
  'GET /api/ps': read('native', 'ps'),
  'GET /v1/models': read('openai', 'models'),
  'POST /api/show': { ...passthrough('native', 'model', 'name'), resolves: true },
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

/** Routes that end in GenerateHandler or EmbedHandler, which look a nameless model up instead of asking for its name. */
const LOOKS_UP_NO_NAME: ReadonlySet<string> = new Set([
  '/api/generate',
  '/api/embed',
  '/v1/completions',
  '/v1/embeddings',
]);

/** What Ollama answers when `model` is missing or empty: a 404 on some routes, a 400 on the others. */
export const modelMissing = (path: string): { readonly notFound: boolean; readonly text: string } =>
  LOOKS_UP_NO_NAME.has(path)
    ? { notFound: true, text: "model '' not found" }
    : { notFound: false, text: 'model is required' };
