import type { ServerResponse } from 'node:http';
import type { ProxyError } from '../core/errors.ts';
import { errorBody, errorContentType } from '../forward/dialect.ts';
import type { Exchange } from './exchange.ts';

/**
 * Answers with an error of the proxy's own, in the shape of the API that was called. When the head is out already it
 * can only end the connection, so that nobody takes what was sent for whole.
 */
export const answerError = (exchange: Exchange, error: ProxyError): void => {
  const { res } = exchange;
  exchange.error = error.code;
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  const body = Buffer.from(errorBody(exchange.dialect, error.code, error.message, exchange.id));
  const headers = [
    'content-type',
    errorContentType(exchange.dialect),
    'content-length',
    String(body.length),
    ...exchange.ownHeaders(),
    'x-task-router-error',
    error.code,
  ];
  if (error.retryAfterSeconds !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
  }
  // The rest of a body that was not read would be taken for the next request.
  if (!exchange.req.complete) headers.push('connection', 'close');
  res.writeHead(error.status, headers);
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
