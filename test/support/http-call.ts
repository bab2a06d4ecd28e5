import http from 'node:http';

/** An answer read to its end, or to where it was cut. */
export interface Answer {
  readonly status: number;
  /** Names in lower case; repeats joined as Node does it. */
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** False when the connection ended before the message did. */
  readonly complete: boolean;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  /** A string or Buffer goes out as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Told of each piece of the answer as it arrives. */
  readonly onData?: (chunk: Buffer, headers: http.IncomingHttpHeaders) => void;
}

const bytesOf = (body: unknown): Buffer | undefined => {
  if (body === undefined) return undefined;
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
};

/**
 * One request on a connection of its own, with exactly the headers that are given (`Host` and all) and no retries.
 * Rejects only when there was no answer at all.
 */
export const call = (url: string, options: CallOptions = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const body = bytesOf(options.body);
    const req = http.request(url, {
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      agent: false,
      headers: {
        ...(body === undefined || options.headers?.['transfer-encoding'] !== undefined
          ? {}
          : { 'content-length': body.length }),
        ...options.headers,
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    req.once('error', reject);
    req.once('response', (res) => {
      req.off('error', reject);
      // What happens to the connection from here on shows in `complete`.
      req.on('error', () => {});
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        options.onData?.(chunk, res.headers);
      });
      res.on('error', () => {});
      res.once('close', () =>
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          body: Buffer.concat(chunks).toString('utf8'),
          complete: res.complete,
        }),
      );
    });
    req.end(body);
  });
