import type { Demand } from '../core/demand.ts';
import type { Dialect, Endpoint } from '../core/types.ts';
import { PromptMarks } from './demand-marks.ts';
import { readOptions } from './demand-options.ts';
import { PromptReader, type Place } from './demand-text.ts';
import { JsonWalk } from './demand-walk.ts';
import type { Members } from './json-scan.ts';
import type { PrefixHasher } from './prefix-hash.ts';
import { readKeepAlive } from './read-keep-alive.ts';

/** What the route and the body together say about a request. */
export interface DemandRoute {
  readonly endpoint: Endpoint;
  readonly dialect: Dialect;
  /** There is nothing to answer, only a model to load or unload. */
  readonly loads: boolean;
}

/**
 * Members that change how the rest is rendered, or in which form the answer is forced: native, OpenAI chat and
 * Responses, Anthropic. The same history under other settings is another prompt.
 */
const SETTINGS = [
  'think',
  'format',
  'template',
  'raw',
  'reasoning_effort',
  'reasoning',
  'response_format',
  'text',
  'thinking',
  'output_config',
];
/** Apart from the tags of the parts of a prompt. */
const FIRST_SETTING_TAG = 64;
/** As much of a system prompt as tells one application from another. */
const MAX_APP_BYTES = 64 * 1024;

/**
 * Writes the whole prompt in the order in which Ollama's templates have it: tools and system text first.
 * @returns the system prompt, where there is one
 */
const readPrompt = (reader: PromptReader, members: Members, endpoint: Endpoint): Place | undefined => {
  const system = members.get('system') ?? members.get('instructions');
  reader.piece('tools', members.get('tools'));
  reader.piece('system', system);
  if (endpoint === 'chat') {
    const messages = members.get('messages') ?? members.get('input');
    if (messages?.type === 'array') reader.messages(messages.start);
    else reader.piece('prompt', messages);
  } else {
    // `context` is what an earlier answer of /api/generate ended with: the tokens of the conversation so far.
    reader.piece('tokens', members.get('context'));
    reader.piece('images', members.get('images'));
    reader.piece('prompt', members.get('prompt'));
    reader.piece('suffix', members.get('suffix'));
  }
  return system === undefined ? reader.system : { from: system.start, to: system.end };
};

/** Two processes never agree on it, because their keys differ. */
const appOf = (walk: JsonWalk, hasher: PrefixHasher, system: Place | undefined, category: string): string => {
  if (system !== undefined) {
    const words = new PromptMarks(hasher, walk.text, MAX_APP_BYTES);
    new PromptReader(walk, words).content(system.from, system.to);
    if (words.bytes > 0) return `s:${words.digest().toString(36)}`;
  }
  return `c:${category}`;
};

/** Bytes of text to embed: a string, or a list of them. Nothing of it is hashed. */
const embeddedBytes = (walk: JsonWalk, hasher: PrefixHasher, members: Members): number => {
  const input = members.get('input') ?? members.get('prompt');
  if (input === undefined) return 0;
  const words = new PromptMarks(hasher, walk.text, 0);
  new PromptReader(walk, words).content(input.start, input.end);
  return words.bytes;
};

/**
 * Reads from a scanned body what the request will cost a server. Never throws: of nonsense it reads what it can, and
 * the backend refuses the rest. At most 1 MiB of the prompt is hashed, so the time that it takes is bounded.
 * @param category stands for the application where a request has no system prompt
 */
export const readDemand = (
  body: Buffer,
  members: Members,
  { endpoint, dialect, loads }: DemandRoute,
  hasher: PrefixHasher,
  category: string,
): Demand => {
  const walk = new JsonWalk(body);
  const { shape, outputLimit } = readOptions(walk, members, dialect);
  const keepAliveMs = dialect === 'native' ? readKeepAlive(body, members) : undefined;
  const nothing = { shape, promptBytes: 0, outputLimit: undefined, marks: [], app: `c:${category}`, keepAliveMs };
  if (loads) return { ...nothing, kind: 'load' };
  if (endpoint === 'embed') return { ...nothing, kind: 'embedding', promptBytes: embeddedBytes(walk, hasher, members) };
  const marks = new PromptMarks(hasher, body);
  SETTINGS.forEach((name, index) => {
    const span = members.get(name);
    if (span === undefined) return;
    marks.tag(FIRST_SETTING_TAG + index);
    marks.setting(span.start, span.end);
  });
  const system = readPrompt(new PromptReader(walk, marks), members, endpoint);
  return {
    kind: 'completion',
    shape,
    promptBytes: marks.bytes,
    outputLimit,
    marks: marks.marks(),
    // Last, because it starts the hasher anew.
    app: appOf(walk, hasher, system, category),
    keepAliveMs,
  };
};
