/**
 * The methods of Ollama's routes in the order in which the server registers them, which is the order of its `Allow`
 * header (server/routes.go, GenerateRoutes, v0.33). Needed only where the proxy answers in place of a server.
 */
const METHODS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    'HEAD GET': ['/', '/api/version', '/api/tags'],
    GET: ['/api/status', '/api/ps', '/v1/models', '/api/experimental/model-recommendations'],
    POST: [
      '/api/generate',
      '/api/chat',
      '/api/embed',
      '/api/embeddings',
      '/api/show',
      '/api/pull',
      '/api/push',
      '/api/create',
      '/api/copy',
      '/api/me',
      '/api/signout',
      '/api/experimental/web_search',
      '/api/experimental/web_fetch',
      '/v1/chat/completions',
      '/v1/completions',
      '/v1/embeddings',
      '/v1/responses',
      '/v1/messages',
      '/v1/audio/transcriptions',
    ],
    DELETE: ['/api/delete'],
  }).flatMap(([methods, paths]) => paths.map((path) => [path, methods.split(' ')] as const)),
);

/** Routes whose last segment is a parameter, by what stands before it. */
const PARAMETER_METHODS: readonly (readonly [prefix: string, methods: readonly string[]])[] = [
  ['/v1/models/', ['GET']],
  ['/api/blobs/', ['HEAD', 'POST']],
  ['/api/user/keys/', ['DELETE']],
];

/** The last segment of a path under `prefix`, decoded as the path is; undefined when there is none or it has a slash. */
export const segmentAfter = (prefix: string, path: string): string | undefined => {
  const rest = path.startsWith(prefix) ? path.slice(prefix.length) : '';
  return rest === '' || rest.includes('/') ? undefined : rest;
};

/**
 * The methods that a path has; empty when Ollama has no such route.
 * @param path decoded, without the query
 */
export const methodsOf = (path: string): readonly string[] =>
  METHODS.get(path) ?? PARAMETER_METHODS.find(([prefix]) => segmentAfter(prefix, path) !== undefined)?.[1] ?? [];
