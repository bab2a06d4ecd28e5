import type { IncomingHttpHeaders } from 'node:http';
import { readDuration } from '../config/units.ts';
import type { Demand } from '../core/demand.ts';
import { ProxyError } from '../core/errors.ts';
import { PRIORITY_CLASSES, type Dialect, type PriorityClass, type PromptView } from '../core/types.ts';
import { single } from '../forward/headers.ts';
import {
  decodeString,
  goType,
  isEmptyArray,
  JsonSyntaxError,
  membersOf,
  scanBody,
  type Members,
  type Span,
} from '../forward/json-scan.ts';
import { readDemand } from '../forward/demand.ts';
import { setNumCtx } from '../forward/num-ctx.ts';
import type { PrefixHasher } from '../forward/prefix-hash.ts';
import { promptOf } from '../forward/prompt.ts';
import type { Visit } from '../auth/visit.ts';
import { purposeOf, type Purpose } from './pool/changes-purpose.ts';
import { modelMissing, type Route } from './routes.ts';

/** What a request body says, as far as routing needs it. */
export interface Ask {
  readonly body: Buffer;
  /** The model as the client wrote it. */
  readonly model: string;
  /** Where it stands, so that another name can be put in its place. */
  readonly modelSpan: Span;
  readonly stream: boolean;
  /** Whether there is anything to answer, or only a model to load or unload. */
  readonly purpose: Purpose;
  /** It says how long the model is to stay in memory. */
  readonly keepsAlive: boolean;
  /** The words, read only when somebody asks: a category given by header needs none. */
  readonly prompt: () => PromptView;
  readonly affinityKey: string | undefined;
  /** What it will cost a server. @param category stands for the application where there is no system prompt */
  readonly demand: (category: string) => Demand;
  /** The body with another context size. @param tokens > 0 */
  readonly withNumCtx: (tokens: number) => Buffer;
}

const wrongType = (route: Route, field: string, span: Span, wanted: string): ProxyError =>
  new ProxyError(
    'bad_request',
    `json: cannot unmarshal ${goType(span)} into Go struct field ${route.goType}.${field} of type ${wanted}`,
  );

/** The Go packages whose structs the dialects are read into. */
const GO_PACKAGE: Readonly<Record<Dialect, string>> = { native: 'api', openai: 'openai', anthropic: 'anthropic' };

/** Scans a body by Go's rules. @throws ProxyError `bad_request` with the text that Ollama would give */
const scan = (body: Buffer, { dialect, goType: struct }: Route): Members => {
  try {
    return scanBody(body, `${GO_PACKAGE[dialect]}.${struct}`);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ProxyError(
      'bad_request',
      dialect === 'native' && error.message === 'EOF' ? 'missing request body' : error.message,
    );
  }
};

const stringMember = (body: Buffer, members: Members, name: string): string | undefined => {
  const span = members.get(name);
  const value = span?.type === 'string' ? decodeString(body, span) : '';
  return value === '' ? undefined : value;
};

/**
 * Session keys that clients already send, best first: ours, Open WebUI's chat, OpenAI's cache key and user, and
 * Anthropic's user.
 */
const affinityOf = (headers: IncomingHttpHeaders, body: Buffer, members: Members): string | undefined => {
  const metadata = members.get('metadata');
  return (
    single(headers, 'x-task-router-session') ??
    single(headers, 'x-openwebui-chat-id') ??
    stringMember(body, members, 'prompt_cache_key') ??
    stringMember(body, members, 'user') ??
    (metadata?.type === 'object' ? stringMember(body, membersOf(body, metadata), 'user_id') : undefined)
  );
};

/**
 * Reads an inference request. Only what Ollama itself would refuse is refused, in its words.
 * @throws ProxyError `bad_request` or `model_not_found`
 */
export const readAsk = (
  route: Route,
  path: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
  hasher: PrefixHasher,
): Ask => {
  const members = scan(body, route);
  const modelSpan = members.get('model');
  if (modelSpan !== undefined && modelSpan.type !== 'string') throw wrongType(route, 'model', modelSpan, 'string');
  // Embeddings never stream, and Ollama has no such field there to read.
  const mayStream = route.endpoint !== 'embed';
  const streamSpan = mayStream ? members.get('stream') : undefined;
  if (streamSpan !== undefined && streamSpan.type !== 'boolean') throw wrongType(route, 'stream', streamSpan, 'bool');
  const model = modelSpan === undefined ? '' : decodeString(body, modelSpan).trim();
  if (modelSpan === undefined || model === '') {
    throw missing(route, path, body, members);
  }
  const streamsByDefault = mayStream && route.dialect === 'native';
  const purpose = purposeOf(path, body, members);
  return {
    body,
    model,
    modelSpan,
    purpose,
    keepsAlive: route.dialect === 'native' && members.has('keep_alive'),
    stream: streamSpan === undefined ? streamsByDefault : body[streamSpan.start] === 0x74,
    prompt: () => {
      try {
        return promptOf(body, members);
      } catch {
        // Nonsense below the depth that is checked; the backend will say so.
        return { text: '', system: '' };
      }
    },
    affinityKey: affinityOf(headers, body, members),
    demand: (category) => {
      const { endpoint, dialect } = route;
      return readDemand(body, members, { endpoint, dialect, loads: purpose !== 'answer' }, hasher, category);
    },
    withNumCtx: (tokens) => setNumCtx(body, members, tokens),
  };
};

const lacksMessages = (body: Buffer, members: Members): boolean => {
  const messages = members.get('messages');
  return messages === undefined || (messages.type === 'array' && isEmptyArray(body, messages));
};

/** What Ollama says first to a request that names no model. */
const missing = ({ dialect }: Route, path: string, body: Buffer, members: Members): ProxyError => {
  if (path === '/v1/chat/completions' && lacksMessages(body, members)) {
    return new ProxyError('bad_request', "[] is too short - 'messages'");
  }
  const { notFound, text } = modelMissing(path);
  // The Anthropic layer looks at the name while it parses; the others leave that to the handler behind them.
  return new ProxyError(notFound ? 'model_not_found' : 'bad_request', text, { afterParsing: dialect !== 'anthropic' });
};

/** A model by the name that a client wrote, and where it stands in the body. */
export interface NamedModel {
  readonly model: string;
  readonly span: Span;
}

/** The model that a passthrough body names; undefined when there is none or the body is no JSON (the backend's case). */
export const passthroughModel = (route: Route, body: Buffer): NamedModel | undefined => {
  try {
    const members = scanBody(body);
    for (const name of route.modelIn) {
      const span = members.get(name);
      const found = stringMember(body, members, name);
      if (span !== undefined && found !== undefined) return { model: found.trim(), span };
    }
  } catch {
    // Refused by the backend, in its own words.
  }
  return undefined;
};

/** The body with another model name in the place of the client's; every other byte stays as it was. */
export const withModel = (body: Buffer, span: Span, name: string): Buffer =>
  Buffer.concat([body.subarray(0, span.start), Buffer.from(JSON.stringify(name)), body.subarray(span.end)]);

/** What a client may ask of the proxy itself, by header. */
export interface Wishes {
  readonly category: string | undefined;
  readonly priority: PriorityClass;
  /** ms from now; Infinity = none. */
  readonly deadlineMs: number;
  readonly explain: boolean;
  /** The backend that it is for and no other. */
  readonly pin: string | undefined;
}

const headerError = (name: string, value: string, wanted: string): ProxyError =>
  new ProxyError('bad_request', `header ${name}: ${JSON.stringify(value.slice(0, 100))} is not ${wanted}`);

/**
 * Reads the `x-task-router-*` request headers.
 *
 * @param visit under which key
 * @param categories the names that a client may give
 * @throws ProxyError `bad_request` naming the header, or `forbidden`
 */
export const readWishes = (
  headers: IncomingHttpHeaders,
  visit: Visit | undefined,
  categories: readonly string[],
): Wishes => {
  const category = single(headers, 'x-task-router-category');
  if (category !== undefined && !categories.includes(category)) {
    throw headerError('x-task-router-category', category, `one of ${categories.join(', ')}`);
  }
  const priority = single(headers, 'x-task-router-priority');
  if (priority !== undefined && !(PRIORITY_CLASSES as readonly string[]).includes(priority)) {
    throw headerError('x-task-router-priority', priority, `one of ${PRIORITY_CLASSES.join(', ')}`);
  }
  const asked = priority as PriorityClass | undefined;
  const deadline = single(headers, 'x-task-router-deadline');
  const duration = deadline === undefined ? undefined : readDuration(deadline, 1);
  if (duration?.ok === false) {
    throw new ProxyError('bad_request', `header x-task-router-deadline: ${duration.message}`);
  }
  const pin = single(headers, 'x-task-router-backend');
  if (pin !== undefined) {
    if (visit !== undefined) visit.mustPin();
    else throw new ProxyError('forbidden', 'header x-task-router-backend: pinning a backend is not allowed here');
  }
  return {
    category,
    priority: visit === undefined ? (asked ?? 'normal') : visit.priority(asked),
    deadlineMs: duration?.value ?? Infinity,
    explain: single(headers, 'x-task-router-explain') === '1',
    pin,
  };
};
