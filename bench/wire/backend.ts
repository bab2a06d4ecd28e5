import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { MODEL, streamLine, wholeAnswer } from './answers.ts';
import { announce, KEEP_ALIVE_MS } from './listen.ts';

/**
 * A fake Ollama server that costs next to nothing: the three probe routes, anything else as its query asks,
 * `/held`, which says how many streams wait for their last line, and `/release`, which lets them end.
 */
const held = new Set<() => void>();

const LISTS: Readonly<Record<string, string>> = {
  '/api/version': JSON.stringify({ version: '0.33.0' }),
  '/api/tags': JSON.stringify({ models: [{ name: MODEL, model: MODEL, size: 1, digest: 'a'.repeat(64) }] }),
  '/api/ps': JSON.stringify({ models: [{ name: MODEL, model: MODEL, size: 1, size_vram: 1, context_length: 4096 }] }),
};

const answerWhole = (res: ServerResponse, text: string): void => {
  res.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(text)),
  });
  res.end(text);
};

const answerStream = (res: ServerResponse, query: URLSearchParams): void => {
  const tag = query.get('tag') ?? '';
  const lines = Number(query.get('lines'));
  const hold = query.get('hold') === '1';
  let index = 0;
  const last = (): void => {
    held.delete(last);
    res.end(streamLine(tag, lines - 1, lines));
  };
  const next = (): void => {
    if (index < lines - 1) {
      res.write(streamLine(tag, index++, lines));
      return;
    }
    clearInterval(beat);
    if (hold) held.add(last);
    else last();
  };
  res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  const beat = setInterval(next, Number(query.get('gap')));
  res.once('close', () => {
    clearInterval(beat);
    held.delete(last);
  });
  next();
};

const answer = (req: IncomingMessage, res: ServerResponse, bodyBytes: number): void => {
  const [whole = '', search = ''] = (req.url ?? '').split('?', 2);
  // Whatever prefix it is asked under, so that one process can stand for several servers.
  const path = whole.slice(Math.max(0, whole.indexOf('/api/')));
  const list = LISTS[path];
  if (list !== undefined) {
    answerWhole(res, list);
    return;
  }
  if (path === '/held' || path === '/release') {
    const waiting = String(held.size);
    if (path === '/release') for (const last of held) last();
    answerWhole(res, waiting);
    return;
  }
  const query = new URLSearchParams(search);
  if (query.get('lines') === '0') answerWhole(res, wholeAnswer(query.get('tag') ?? '', bodyBytes));
  else answerStream(res, query);
};

const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (req, res) => {
  let bodyBytes = 0;
  req.on('data', (chunk: Buffer) => (bodyBytes += chunk.length));
  req.on('end', () => answer(req, res, bodyBytes));
});
announce(server);
