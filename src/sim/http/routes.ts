import { account, recommendations, webSearch } from './cloud.ts';
import type { SimContext } from './context.ts';
import { embed, embeddings, openAiEmbeddings } from './embed.ts';
import type { Exchange } from './exchange.ts';
import { openAiModelByName, openAiModels, ps, tags } from './lists.ts';
import { copy, create, headBlob, remove } from './manage.ts';
import { messages } from './messages.ts';
import { chat, generate } from './native.ts';
import { openAiChat, openAiCompletions } from './openai.ts';
import { pull, push } from './pull.ts';
import { responses } from './responses.ts';
import { show } from './show.ts';
import { transcribe } from './transcribe.ts';
import { upload } from './upload.ts';

export type Handler = (context: SimContext, exchange: Exchange) => void | Promise<void>;

interface Route {
  readonly method: string;
  /** A last segment of `:` takes one path segment as parameter. */
  readonly path: string;
  readonly inference: boolean;
  readonly handler: Handler;
}

const root: Handler = (_context, exchange) =>
  exchange.send(200, { 'Content-Type': 'text/plain; charset=utf-8' }, 'Ollama is running');

const version: Handler = (context, exchange) => exchange.json(200, { version: context.version });

/** The simulator never reaches ollama.com, as a server with OLLAMA_NO_CLOUD does. */
const status: Handler = (_context, exchange) => exchange.json(200, { cloud: { disabled: true, source: 'env' } });

const route = (method: string, path: string, handler: Handler, inference = false): Route => ({
  method,
  path,
  handler,
  inference,
});

/** The one route that reads its body itself. */
export const UPLOAD_PATH = '/api/blobs/:';

/** In the order in which Ollama registers methods, which is the order of an `Allow` header. */
const METHODS = ['HEAD', 'GET', 'POST', 'DELETE'];

const ROUTES: readonly Route[] = [
  route('HEAD', '/', root),
  route('GET', '/', root),
  route('HEAD', '/api/version', version),
  route('GET', '/api/version', version),
  route('GET', '/api/status', status),
  route('HEAD', '/api/tags', tags),
  route('GET', '/api/tags', tags),
  route('GET', '/api/ps', ps),
  route('POST', '/api/show', show),
  route('POST', '/api/generate', generate, true),
  route('POST', '/api/chat', chat, true),
  route('POST', '/api/embed', embed, true),
  route('POST', '/api/embeddings', embeddings, true),
  route('POST', '/v1/chat/completions', openAiChat, true),
  route('POST', '/v1/completions', openAiCompletions, true),
  route('POST', '/v1/embeddings', openAiEmbeddings, true),
  route('POST', '/v1/responses', responses, true),
  route('POST', '/v1/messages', messages, true),
  route('POST', '/v1/audio/transcriptions', transcribe, true),
  route('POST', '/api/pull', pull),
  route('POST', '/api/push', push),
  route('POST', '/api/create', create),
  route('POST', '/api/copy', copy),
  route('DELETE', '/api/delete', remove),
  route('HEAD', '/api/blobs/:', headBlob),
  route('POST', UPLOAD_PATH, upload),
  route('POST', '/api/me', account),
  route('POST', '/api/signout', account),
  route('DELETE', '/api/user/keys/:', account),
  route('POST', '/api/experimental/web_search', webSearch),
  route('POST', '/api/experimental/web_fetch', webSearch),
  route('GET', '/api/experimental/model-recommendations', recommendations),
  route('GET', '/v1/models', openAiModels),
  route('GET', '/v1/models/:', openAiModelByName),
];

const parameter = (pattern: string, path: string): string | undefined => {
  if (!pattern.endsWith(':')) return pattern === path ? '' : undefined;
  const prefix = pattern.slice(0, -1);
  const rest = path.slice(prefix.length);
  return path.startsWith(prefix) && rest !== '' && !rest.includes('/') ? rest : undefined;
};

/** The methods that a path has, in registration order. */
export const methodsOf = (path: string): readonly string[] =>
  METHODS.filter((method) =>
    ROUTES.some((entry) => entry.method === method && parameter(entry.path, path) !== undefined),
  );

/** What serves a request, and with which parameter. */
export interface FoundRoute {
  readonly handler: Handler;
  readonly inference: boolean;
  readonly param: string;
  readonly pattern: string;
}

/** The route for a request, undefined if there is none. */
export const findRoute = (method: string, path: string): FoundRoute | undefined => {
  for (const entry of ROUTES) {
    if (entry.method !== method) continue;
    const param = parameter(entry.path, path);
    if (param !== undefined) return { handler: entry.handler, inference: entry.inference, param, pattern: entry.path };
  }
  return undefined;
};
