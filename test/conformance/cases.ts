/** One request that is sent to a server and through the proxy alike. */
export interface Case {
  readonly name: string;
  readonly method: string;
  /** As it stands in the request line. */
  readonly path: string;
  /** A string goes out as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in this many pieces without a length. */
  readonly chunks?: number;
  /** Sent to the server itself, ahead of each of the two. */
  readonly before?: Case;
  /** Compared by shape alone: a pool has more than one server, or answers at its own pace. */
  readonly shape?: boolean;
  /** Only where the server listens on loopback, which is when it looks at `Host`. */
  readonly loopback?: boolean;
}

/** The models that a run has to work with. */
export interface Models {
  /** A small model that chats and does not think. */
  readonly chat: string;
  /** An embedding model; undefined = the cases that need one are left out. */
  readonly embed: string | undefined;
}

const ABSENT = 'no-such-model-here:1b';
const ROBOT = '🤖 äöü <b>&amp;</b> \u2028';

const reads = ({ chat }: Models): readonly Case[] =>
  [
    ['GET', '/'],
    ['HEAD', '/'],
    ['GET', '/?x=1'],
    ['POST', '/'],
    ['GET', '/api/version'],
    ['HEAD', '/api/version'],
    ['POST', '/api/version'],
    ['GET', '/api/status'],
    ['HEAD', '/api/status'],
    ['GET', '/api/tags'],
    ['HEAD', '/api/tags'],
    ['POST', '/api/tags'],
    ['GET', '/api/ps'],
    ['HEAD', '/api/ps'],
    ['GET', '/v1/models'],
    ['HEAD', '/v1/models'],
    ['GET', `/v1/models/${chat}`],
    ['GET', `/v1/models/${chat.toUpperCase()}`],
    ['GET', `/v1/models/${ABSENT}`],
    ['GET', '/v1/models/a/b'],
    ['GET', '/v1/models/a%2Fb'],
    ['HEAD', `/v1/models/${chat}`],
    ['GET', '/api/nosuch'],
    ['HEAD', '/api/nosuch'],
    ['DELETE', '/api/nosuch'],
    ['GET', '/nosuch'],
    ['GET', '/v1/nosuch'],
    ['GET', '/metrics'],
    ['GET', '/api/chat'],
    ['HEAD', '/api/chat'],
    ['PUT', '/api/chat'],
    ['PATCH', '/api/chat'],
    ['DELETE', '/api/chat'],
    ['GET', '/api/generate'],
    ['GET', '/v1/chat/completions'],
    ['GET', '/api/pull'],
    ['GET', '/api/delete'],
    ['GET', '/api/blobs/sha256:00'],
    ['HEAD', `/api/blobs/sha256:${'0'.repeat(64)}`],
    ['HEAD', '/api/blobs/nonsense'],
  ].map(([method = '', path = '']) => ({
    name: `${method} ${path}`,
    method,
    path,
    shape: path.startsWith('/api/tags') || path === '/api/ps' || path === '/v1/models',
  }));

const slashes = ({ chat }: Models): readonly Case[] =>
  [
    ['GET', '//api/tags'],
    ['GET', '//api//version?x=1'],
    ['HEAD', '//api/version'],
    ['POST', '//api/show'],
    ['POST', '//api/chat'],
    ['GET', '/api/version/'],
    ['GET', '/api/tags/?a=b'],
    ['HEAD', '/api/version/'],
    ['POST', '/api/chat/'],
    ['POST', '/api/show/'],
    ['GET', '/api/./version'],
    ['GET', '/api/x/../version'],
    ['POST', '/api/x/../chat'],
    ['GET', '/api%2Fversion'],
    ['GET', '/api/%76ersion'],
    ['GET', '/API/version'],
    ['GET', '/api/version?model=%7B%7D&a=//b'],
  ].map(([method = '', path = '']) => ({
    name: `${method} ${path}`,
    method,
    path,
    ...(method === 'POST' ? { body: { model: chat, stream: false } } : {}),
  }));

const post = (path: string, name: string, body: unknown, more: Partial<Case> = {}): Case => ({
  name: `POST ${path}: ${name}`,
  method: 'POST',
  path,
  body,
  ...more,
});

/** Bodies that are wrong or odd before anything in them matters. */
const odd = (path: string, good: Readonly<Record<string, unknown>>): readonly Case[] => {
  const text = JSON.stringify(good);
  return (
    [
      ['an empty body', ''],
      ['blanks', ' \n\t '],
      ['half an object', '{"model":'],
      ['no JSON', 'model=llama3'],
      ['a broken literal', '{"model":tru}'],
      ['a control character', '{"model":"a\u0001b"}'],
      ['a bad escape', String.raw`{"model":"\x"}`],
      ['a comma too much', '{"model":"m",}'],
      ['a number', '17'],
      ['a list', '[]'],
      ['a string', '"model"'],
      ['null', 'null'],
      ['no members', '{}'],
      ['no model', { ...good, model: undefined }],
      ['an empty model', { ...good, model: '' }],
      ['model null', { ...good, model: null }],
      ['a number as model', { ...good, model: 17 }],
      ['a list as model', { ...good, model: ['m'] }],
      ['an unknown model', { ...good, model: ABSENT }],
      ['a model with a digest', { ...good, model: `m@sha256:${'0'.repeat(64)}` }],
      ['keys in capitals', text.replace('"model"', '"MODEL"')],
      ['the model twice', text.replace('{', '{"model":"nobody",')],
      ['the model twice, null the second time', text.replace(/\}$/, ',"model":null}')],
      ['unknown members', { ...good, whatever: { model: 'x' }, stream_x: 1 }],
      ['more after the first value', `${text} {"model":"nobody"} trailing`],
      ['white space around', `\r\n\t ${text} \n`],
      ['an escaped key', text.replace('"model"', String.raw`"\u006dodel"`)],
    ] as const
  ).map(([name, body]) => post(path, name, body));
};

const show = ({ chat }: Models): readonly Case[] => [
  post('/api/show', 'a model', { model: chat }),
  post('/api/show', 'by the old name', { name: chat }),
  post('/api/show', 'as the CLI sends it', { model: '', name: chat }),
  post('/api/show', 'in other letters', { model: chat.toUpperCase() }),
  post('/api/show', 'with host and namespace', { model: `registry.ollama.ai/library/${chat}` }),
  post('/api/show', 'verbose', { model: chat, verbose: true }),
  post('/api/show', 'an unknown one', { model: ABSENT }),
  post('/api/show', 'an unknown one as the CLI sends it', { model: '', name: ABSENT }),
  post('/api/show', 'nothing', {}),
  post('/api/show', 'an empty body', ''),
  post('/api/show', 'no JSON', 'x'),
  post('/api/show', 'a number as model', { model: 5 }),
];

/** Short, and the same each time. */
const options = { temperature: 0, seed: 1, num_predict: 8 };

const chats = ({ chat, embed }: Models): readonly Case[] => {
  const messages = [{ role: 'user', content: `Say one word. ${ROBOT}` }];
  const good = { model: chat, messages, options, stream: false };
  const tools = [
    {
      type: 'function',
      function: {
        name: 'weather',
        description: 'the weather',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      },
    },
  ];
  const path = '/api/chat';
  return [
    ...odd(path, good),
    post(path, 'whole', good),
    post(path, 'a stream', { ...good, stream: true }),
    post(path, 'a stream by default', { ...good, stream: undefined }),
    post(path, 'stream null', { ...good, stream: null }),
    post(path, 'a word as stream', { ...good, stream: 'yes' }),
    post(path, 'with a query', good, { path: `${path}?ts=1&x=%2F` }),
    post(path, 'as curl sends it', good, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
    post(path, 'without a length', good, { chunks: 3 }),
    post(path, 'a stream without a length', { ...good, stream: true }, { chunks: 2 }),
    post(path, 'with a system prompt', { ...good, messages: [{ role: 'system', content: 'Be short.' }, ...messages] }),
    post(path, 'messages that are no list', { ...good, messages: 'hello' }),
    post(path, 'a message that is no object', { ...good, messages: ['hello'] }),
    post(path, 'JSON as format', { ...good, format: 'json' }),
    post(path, 'a schema as format', { ...good, format: { type: 'object', properties: { a: { type: 'number' } } } }),
    post(path, 'a format that there is not', { ...good, format: 'yaml' }),
    post(path, 'an option of the wrong type', { ...good, options: { temperature: 'hot' } }),
    post(path, 'options that are none', { ...good, options: 7 }),
    post(path, 'an unknown option', { ...good, options: { ...options, flux: 1 } }),
    post(path, 'keep_alive without a unit', { ...good, keep_alive: '300' }),
    post(path, 'keep_alive with a unit', { ...good, keep_alive: '10m' }),
    post(path, 'thinking that it cannot', { ...good, think: true }),
    post(path, 'thinking of no known kind', { ...good, think: 'hardest' }),
    post(path, 'tools', { ...good, tools }, { shape: true }),
    post(path, 'tools as a stream', { ...good, tools, stream: true }, { shape: true }),
    post(path, 'an unknown model as a stream', { ...good, model: ABSENT, stream: true }),
    post(path, 'load', { model: chat, messages: [] }),
    post(path, 'load, not as a stream', { model: chat, messages: [], stream: false }),
    post(path, 'load without messages', { model: chat }),
    ...(embed === undefined ? [] : [post(path, 'an embedding model', { ...good, model: embed })]),
  ];
};

const generations = ({ chat, embed }: Models): readonly Case[] => {
  const path = '/api/generate';
  const good = { model: chat, prompt: `Say one word. ${ROBOT}`, options, stream: false };
  return [
    ...odd(path, good),
    post(path, 'whole', good),
    post(path, 'a stream', { ...good, stream: true }),
    post(path, 'a stream by default', { ...good, stream: undefined }),
    post(path, 'raw', { ...good, raw: true }),
    post(path, 'raw with a template', { ...good, raw: true, template: '{{ .Prompt }}' }),
    post(path, 'with a system prompt', { ...good, system: 'Be short.' }),
    post(path, 'a number as prompt', { ...good, prompt: 5 }),
    post(path, 'too many logprobs', { ...good, logprobs: true, top_logprobs: 99 }),
    post(path, 'an unknown model as a stream', { ...good, model: ABSENT, stream: true }),
    post(path, 'load', { model: chat }),
    post(path, 'load, not as a stream', { model: chat, prompt: '', stream: false }),
    ...(embed === undefined ? [] : [post(path, 'an embedding model', { ...good, model: embed })]),
  ];
};

const embeddings = ({ chat, embed: model }: Models): readonly Case[] => {
  const unknown = [
    post('/api/embed', 'an unknown model', { model: ABSENT, input: 'x' }),
    post('/api/embeddings', 'an unknown model', { model: ABSENT, prompt: 'x' }),
    post('/v1/embeddings', 'an unknown model', { model: ABSENT, input: 'x' }),
    post('/api/embed', 'no model', { input: 'x' }),
    post('/api/embeddings', 'no model', { prompt: 'x' }),
    post('/v1/embeddings', 'no model', { input: 'x' }),
    post('/api/embed', 'an empty body', ''),
    post('/v1/embeddings', 'an empty body', ''),
    post('/v1/embeddings', 'no JSON', '}'),
  ];
  if (model === undefined) return unknown;
  return [
    ...unknown,
    post('/api/embed', 'one', { model, input: 'why is the sky blue' }),
    post('/api/embed', 'several', { model, input: ['one', 'two', ROBOT] }),
    post('/api/embed', 'nothing', { model, input: [] }),
    post('/api/embed', 'empty text', { model, input: '' }),
    post('/api/embed', 'a number', { model, input: 5 }),
    post('/api/embed', 'stream is not read', { model, input: 'x', stream: 'yes' }),
    post('/api/embed', 'a chat model', { model: chat, input: 'x' }, { shape: true }),
    post('/api/embeddings', 'one', { model, prompt: 'why is the sky blue' }),
    post('/api/embeddings', 'nothing', { model, prompt: '' }),
    post('/v1/embeddings', 'one', { model, input: 'why is the sky blue' }),
    post('/v1/embeddings', 'several', { model, input: ['one', 'two'] }),
    post('/v1/embeddings', 'base64', { model, input: 'one', encoding_format: 'base64' }),
    post('/v1/embeddings', 'an encoding that there is not', { model, input: 'one', encoding_format: 'hex' }),
    post('/v1/embeddings', 'nothing', { model, input: [] }),
  ];
};

const openai = ({ chat: model, embed }: Models): readonly Case[] => {
  const messages = [{ role: 'user', content: `Say one word. ${ROBOT}` }];
  const chat = { model, messages, max_tokens: 8, temperature: 0, seed: 1 };
  const completion = { model, prompt: 'Once upon', max_tokens: 8, temperature: 0, seed: 1 };
  const response = { model, input: 'Say one word.', max_output_tokens: 8, temperature: 0 };
  const usage = { stream: true, stream_options: { include_usage: true } };
  const parts = [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Say' },
        { type: 'text', text: 'one word.' },
      ],
    },
  ];
  const schema = { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object', properties: {} } } };
  return [
    ...odd('/v1/chat/completions', chat),
    post('/v1/chat/completions', 'whole', chat),
    post('/v1/chat/completions', 'a stream', { ...chat, stream: true }),
    post('/v1/chat/completions', 'a stream with usage', { ...chat, ...usage }),
    post('/v1/chat/completions', 'with a key', chat, { headers: { authorization: 'Bearer sk-anything' } }),
    post('/v1/chat/completions', 'content in parts', { ...chat, messages: parts }),
    post('/v1/chat/completions', 'no messages', { ...chat, messages: [] }),
    post('/v1/chat/completions', 'a schema', { ...chat, response_format: schema }),
    post('/v1/chat/completions', 'an image from elsewhere', {
      ...chat,
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] }],
    }),
    post('/v1/chat/completions', 'an unknown model as a stream', { ...chat, model: ABSENT, stream: true }),
    ...odd('/v1/completions', completion),
    post('/v1/completions', 'whole', completion),
    post('/v1/completions', 'a stream', { ...completion, stream: true }),
    post('/v1/completions', 'a stream with usage', { ...completion, ...usage }),
    post('/v1/completions', 'a list as prompt', { ...completion, prompt: ['a', 'b'] }),
    post('/v1/responses', 'whole', response),
    post('/v1/responses', 'a stream', { ...response, stream: true }),
    post('/v1/responses', 'a list of messages', { ...response, input: messages }),
    post('/v1/responses', 'instructions', { ...response, instructions: 'Be short.' }),
    post('/v1/responses', 'an unknown model', { ...response, model: ABSENT }),
    post('/v1/responses', 'an unknown model as a stream', { ...response, model: ABSENT, stream: true }),
    post('/v1/responses', 'an empty body', ''),
    post('/v1/responses', 'a number as input', { ...response, input: 5 }),
    ...(embed === undefined ? [] : [post('/v1/chat/completions', 'an embedding model', { ...chat, model: embed })]),
  ];
};

const anthropic = ({ chat: model, embed }: Models): readonly Case[] => {
  const path = '/v1/messages';
  const good = {
    model,
    max_tokens: 8,
    temperature: 0,
    messages: [{ role: 'user', content: `Say one word. ${ROBOT}` }],
  };
  return [
    ...odd(path, good),
    post(path, 'whole', good),
    post(path, 'a stream', { ...good, stream: true }),
    post(path, 'with the headers of its clients', good, {
      headers: { 'x-api-key': 'ollama', 'anthropic-version': '2023-06-01', 'content-type': 'application/json' },
    }),
    post(path, 'content in blocks', { ...good, messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] }),
    post(path, 'a system prompt in blocks', { ...good, system: [{ type: 'text', text: 'Be short.' }] }),
    post(path, 'without max_tokens', { ...good, max_tokens: undefined }),
    post(path, 'without messages', { ...good, messages: [] }),
    post(path, 'an unknown model as a stream', { ...good, model: ABSENT, stream: true }),
    post('/v1/messages/count_tokens', 'which there is not', good),
    ...(embed === undefined ? [] : [post(path, 'an embedding model', { ...good, model: embed })]),
  ];
};

const form = (fields: Readonly<Record<string, string>>): Partial<Case> & { readonly body: string } => ({
  headers: { 'content-type': 'multipart/form-data; boundary=xYzZy' },
  body: `${Object.entries(fields)
    .map(([name, value]) => {
      const file = name === 'file' ? '; filename="a.wav"\r\nContent-Type: audio/wav' : '';
      return `--xYzZy\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
    })
    .join('')}--xYzZy--\r\n`,
});

const audio = (): readonly Case[] => {
  const path = '/v1/audio/transcriptions';
  const of = (name: string, { body, ...more }: ReturnType<typeof form>): Case => post(path, name, body, more);
  return [
    of('an unknown model', form({ model: ABSENT, file: 'RIFF' })),
    of('an unknown model after its file', form({ file: 'RIFF', model: ABSENT })),
    of('no model', form({ file: 'RIFF', language: 'en' })),
    of('an empty model', form({ model: '', file: 'RIFF' })),
  ];
};

const managing = ({ chat }: Models): readonly Case[] => {
  const destination = 'conformance-copy';
  const copy = post('/api/copy', 'a model', { source: chat, destination });
  const remove = (name: string, body: unknown): Case => ({
    name: `DELETE ${name}`,
    method: 'DELETE',
    path: '/api/delete',
    body,
  });
  const removed = { ...remove('a copy', { model: destination }), before: copy };
  return [
    post('/api/copy', 'an unknown model', { source: ABSENT, destination: 'elsewhere' }),
    post('/api/copy', 'no JSON', 'x'),
    copy,
    post('/api/show', 'a copy', { model: destination }, { before: copy, shape: true }),
    removed,
    { ...remove('a copy as the CLI does', { model: '', name: destination }), before: copy },
    { ...remove('a copy twice', { model: destination }), before: removed },
    remove('an unknown model', { model: ABSENT }),
    remove('no JSON', 'x'),
    post('/api/push', 'an unknown model', { model: ABSENT, stream: false }),
  ];
};

const browsers = (): readonly Case[] => {
  const of = (name: string, method: string, path: string, headers: Readonly<Record<string, string>>): Case => ({
    name,
    method,
    path,
    headers,
  });
  const ask = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
  return [
    of('a page of this machine', 'GET', '/api/version', { origin: 'http://localhost:3000' }),
    of('a page of this machine, by address', 'HEAD', '/', { origin: 'https://127.0.0.1:8080' }),
    of('an app', 'GET', '/', { origin: 'app://obsidian.md' }),
    of('a page of this machine, asking for nothing there is', 'GET', '/api/nosuch', { origin: 'http://localhost' }),
    of('a page of this machine, with a wrong method', 'GET', '/api/chat', { origin: 'http://localhost' }),
    of('a page from elsewhere', 'GET', '/api/version', { origin: 'https://evil.example' }),
    of('a page from elsewhere, posting', 'POST', '/api/chat', { origin: 'https://evil.example' }),
    of('a page from elsewhere, with a wrong method', 'GET', '/api/chat', { origin: 'https://evil.example' }),
    of('a preflight', 'OPTIONS', '/api/chat', { origin: 'http://localhost:3000', ...ask }),
    of('a preflight for a read', 'OPTIONS', '/api/tags', { origin: 'http://localhost:3000', ...ask }),
    of('a preflight for nothing there is', 'OPTIONS', '/api/nosuch', { origin: 'http://localhost:3000', ...ask }),
    of('a preflight from elsewhere', 'OPTIONS', '/api/chat', { origin: 'https://evil.example', ...ask }),
    ...[
      of('OPTIONS without a page', 'OPTIONS', '/api/chat', {}),
      of('OPTIONS by name, without a page', 'OPTIONS', '/api/chat', { host: 'localhost:11434' }),
      of('a local name', 'GET', '/api/version', { host: 'ollama.local' }),
      of('a private address', 'GET', '/api/version', { host: '192.168.1.5:11434' }),
      of('a foreign name', 'GET', '/api/version', { host: 'evil.example' }),
      of('a foreign name, posting', 'POST', '/api/chat', { host: 'evil.example:11434' }),
      of('a foreign name with a local page', 'GET', '/', { host: 'evil.example', origin: 'http://localhost' }),
    ].map((each) => ({ ...each, loopback: true })),
  ];
};

/** Every case, in the order in which they run: later ones rest on nothing that earlier ones leave behind. */
export const casesFor = (models: Models): readonly Case[] => [
  ...reads(models),
  ...slashes(models),
  ...show(models),
  ...chats(models),
  ...generations(models),
  ...embeddings(models),
  ...openai(models),
  ...anthropic(models),
  ...audio(),
  ...managing(models),
  ...browsers(),
];
