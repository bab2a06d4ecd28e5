import { createHash } from 'node:crypto';
import type { SimContext } from './context.ts';
import { refuse } from './dialect.ts';
import type { Exchange } from './exchange.ts';

/** The 64 hex digits of `sha256:…` or `sha256-…` in lower case, undefined if the text is no digest. */
export const digestHex = (text: string): string | undefined =>
  /^sha256[:-]([0-9a-fA-F]{64})$/.exec(text)?.[1]?.toLowerCase();

/**
 * `POST /api/blobs/:digest`. The body may be gigabytes, so it is hashed as it comes and not kept. A blob that is there
 * already is answered before its body is read.
 */
export const upload = async (context: SimContext, exchange: Exchange): Promise<void> => {
  const hex = digestHex(exchange.param);
  if (hex === undefined) {
    refuse(exchange, 400, 'invalid digest format');
    return;
  }
  if (context.library.hasBlob(hex)) {
    exchange.send(200, {});
    exchange.req.resume();
    return;
  }
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of exchange.req as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const actual = hash.digest('hex');
  if (actual !== hex) {
    refuse(exchange, 400, `digest mismatch, expected "sha256:${hex}", got "sha256:${actual}"`);
    return;
  }
  context.library.addBlob(hex, bytes);
  exchange.send(201, {});
};
