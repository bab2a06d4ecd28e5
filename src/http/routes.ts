import type { Dialect, Endpoint } from '../core/types.ts';
import { segmentAfter } from './methods.ts';

/** What is answered from what the backends last said of themselves. */
export type PoolRead = 'root' | 'version' | 'tags' | 'ps' | 'models';

/** What changes which models the pool has; an `upload` also asks whether a file is there. */
export type PoolChange = 'pull' | 'push' | 'create' | 'copy' | 'delete' | 'upload';

/** How a request is forwarded and where it names its model. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly dialect: Dialect;
  readonly forwarder: 'inference' | 'passthrough' | 'read' | 'change';
  /** What a `read` asks of the pool. */
  readonly read?: PoolRead;
  /** What a `change` does to the pool. */
  readonly change?: PoolChange;
  /** Member of the JSON body that names the model, in order of preference; empty = the body is not read. */
  readonly modelIn: readonly string[];
  /** A name that stands for another model is replaced by it; else it stays, so that nothing is deleted by its alias. */
  readonly resolves: boolean;
  /** The body is a form (`multipart/form-data`) and not JSON. */
  readonly form: boolean;
  /** Ollama has no such route at this version; a newer server may. */
  readonly unknown: boolean;
  /** Speaks for the account of one server at ollama.com, so it always goes to the same. */
  readonly pinned: boolean;
  /** What the path names its model after, where it does. */
  readonly modelAfter?: string;
  /** The request struct's name in Go's type errors. */
  readonly goType: string;
}

const inference = (endpoint: Endpoint, dialect: Dialect, goType: string): Route => ({
  endpoint,
  dialect,
  forwarder: 'inference',
  modelIn: ['model'],
  resolves: true,
  form: false,
  unknown: false,
  pinned: false,
  goType,
});

const passthrough = (dialect: Dialect, ...modelIn: readonly string[]): Route => ({
  endpoint: 'other',
  dialect,
  forwarder: 'passthrough',
  modelIn,
  resolves: false,
  form: false,
  unknown: false,
  pinned: false,
  goType: 'Request',
});

const read = (dialect: Dialect, what: PoolRead): Route => ({
  ...passthrough(dialect),
  forwarder: 'read',
  read: what,
});

const change = (what: PoolChange, ...modelIn: readonly string[]): Route => ({
  ...passthrough('native', ...modelIn),
  forwarder: 'change',
  change: what,
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
  'POST /v1/audio/transcriptions': { ...inference('other', 'openai', 'TranscriptionRequest'), form: true },
  // From 0.35 on; it answers with one JSON value and never streams.
  'POST /v1/systemone': inference('other', 'openai', 'DecisionRequest'),
  'GET /': read('native', 'root'),
  'HEAD /': read('native', 'root'),
  'GET /api/version': read('native', 'version'),
  'HEAD /api/version': read('native', 'version'),
  'GET /api/tags': read('native', 'tags'),
  'HEAD /api/tags': read('native', 'tags'),
  'GET /api/ps': read('native', 'ps'),
  'GET /v1/models': read('openai', 'models'),
  'GET /api/status': passthrough('native'),
  'GET /api/experimental/model-recommendations': passthrough('native'),
  'POST /api/experimental/web_search': passthrough('native'),
  'POST /api/experimental/web_fetch': passthrough('native'),
  'POST /api/me': { ...passthrough('native'), pinned: true },
  'POST /api/signout': { ...passthrough('native'), pinned: true },
  'POST /api/show': { ...passthrough('native', 'model', 'name'), resolves: true },
  'POST /api/pull': change('pull', 'model', 'name'),
  'POST /api/push': change('push', 'model', 'name'),
  'POST /api/create': change('create', 'model', 'name'),
  'POST /api/copy': change('copy', 'source'),
  'DELETE /api/delete': change('delete', 'model', 'name'),
};

const UPLOAD = change('upload');
const MODEL: Route = { ...passthrough('openai'), modelAfter: '/v1/models/', resolves: true };
const ACCOUNT_KEY: Route = { ...passthrough('native'), pinned: true };
const NATIVE: Route = { ...passthrough('native', 'model'), unknown: true };
const OPENAI: Route = { ...passthrough('openai', 'model'), unknown: true };

/**
 * The route of a request; unknown ones are handed on as they are, so that newer servers keep their newer routes.
 * @param path decoded, without the query
 */
export const routeOf = (method: string, path: string): Route => {
  const route = ROUTES[`${method} ${path}`];
  if (route !== undefined) return route;
  const blob = (method === 'HEAD' || method === 'POST') && segmentAfter('/api/blobs/', path) !== undefined;
  if (blob) return UPLOAD;
  if (method === 'GET' && segmentAfter('/v1/models/', path) !== undefined) return MODEL;
  if (method === 'DELETE' && segmentAfter('/api/user/keys/', path) !== undefined) return ACCOUNT_KEY;
  return path.startsWith('/v1/') ? OPENAI : NATIVE;
};

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
