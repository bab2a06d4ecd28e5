import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ProxyError } from '../core/errors.ts';
import { errorBody, errorContentType, inBandError } from '../forward/dialect.ts';
import { endInBand } from '../forward/in-band.ts';
import type { Exchange } from './exchange.ts';

/** A message without a body is not marked complete yet while its head is being handled. */
const bodyIsComing = ({ complete, headers }: IncomingMessage): boolean =>
  !complete && (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0');

/**
 * Answers with an error of the proxy's own, in the shape of the API that was called: inside the stream when filler has
 * opened one. When an answer is under way it can only end the connection, so that nobody takes what was sent for whole.
 */
export const answerError = (exchange: Exchange, error: ProxyError): void => {
  const { res } = exchange;
  exchange.error = error.code;
  if (exchange.filler?.streamOpen === true) {
    endInBand(res, inBandError(exchange.dialect, error.message, error.code));
    return;
  }
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  const body = Buffer.from(errorBody(exchange.dialect, error.code, error.message, exchange.id, error.afterParsing));
  const headers = [
    'content-type',
    errorContentType(exchange.dialect, error.afterParsing),
    'content-length',
    String(body.length),
    ...exchange.ownHeaders(),
    'x-task-router-error',
    error.code,
  ];
  if (exchange.uncached) headers.push('cache-control', 'no-cache');
  if (error.retryAfterSeconds !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  }
  // The rest of a body that was not read would be taken for the next request.
  if (bodyIsComing(exchange.req)) headers.push('connection', 'close');
  res.writeHead(error.status, headers);
  res.end(body);
};

/** Answers with a head alone, as Ollama's middleware does ahead of its routes. @param headers flat name-value list */
export const answerBare = (exchange: Exchange, status: number, headers: readonly string[]): void => {
  const { req, res, error } = exchange;
  const own = [...exchange.ownHeaders(), ...(error === undefined ? [] : ['x-task-router-error', error])];
  res.writeHead(status, [...headers, ...own, ...(bodyIsComing(req) ? ['connection', 'close'] : [])]);
  res.end();
};

/** Sends the client to another path, method and body kept, as Go's mux does (net/http Redirect). */
export const redirect = (exchange: Exchange, location: string): void => {
  const { req, res } = exchange;
  const shown = req.method === 'GET' || req.method === 'HEAD';
  const body = req.method === 'GET' ? `<a href="${location.replaceAll('&', '&amp;')}">Temporary Redirect</a>.\n\n` : '';
  const headers = ['location', location, 'content-length', String(body.length), ...exchange.ownHeaders()];
  if (shown) headers.push('content-type', 'text/html; charset=utf-8');
  if (bodyIsComing(req)) headers.push('connection', 'close');
  res.writeHead(307, headers);
  res.end(body);
};

/** Answers JSON on the admin listener. */
export const answerJson = (res: ServerResponse, status: number, value: unknown): void => {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  res.end(body);
};
