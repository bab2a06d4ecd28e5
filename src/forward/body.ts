import type { IncomingMessage } from 'node:http';
import { ProxyError } from '../core/errors.ts';

/**
 * Reads a request body whole, once.
 * @param limit bytes, ≥ 0; a longer body is refused as soon as that is known
 * @param idleMs longest silence between two pieces of the body
 * @throws ProxyError `body_too_large` or `request_timeout`; `bad_request` when the client left in the middle
 */
export const readBody = (req: IncomingMessage, limit: number, idleMs: number): Promise<Buffer> => {
  const declared = Number(req.headers['content-length'] ?? Number.NaN);
  if (declared > limit) return Promise.reject(tooLarge(limit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let idle: NodeJS.Timeout | undefined;
    let over = false;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) {
        finish();
        reject(tooLarge(limit));
        return;
      }
      chunks.push(chunk);
      if (size === declared) onEnd();
      else idle?.refresh();
    };
    const onEnd = (): void => {
      finish();
      const [only] = chunks;
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size));
    };
    const onClose = (): void => {
      finish();
      reject(new ProxyError('bad_request', 'the client left before its request body was complete'));
    };
    const finish = (): void => {
      over = true;
      if (idle !== undefined) clearTimeout(idle);
      req.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    };
    req.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    // What came in one packet with the head is handed over before this runs: most bodies need no timer.
    const arm = (): void => {
      if (over) return;
      idle = setTimeout(() => {
        finish();
        reject(new ProxyError('request_timeout', `no byte of the request body for ${idleMs} ms`));
      }, idleMs);
    };
    void Promise.resolve().then(arm);
  });
};

const tooLarge = (limit: number): ProxyError =>
  new ProxyError('body_too_large', `the request body is larger than the limit of ${limit} bytes (limits.body)`);
