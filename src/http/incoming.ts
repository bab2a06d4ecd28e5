import { NO_DEMAND } from '../core/demand.ts';
import { ProxyError } from '../core/errors.ts';
import { BodyTail } from '../forward/body-tail.ts';
import { readBody } from '../forward/body.ts';
import { single } from '../forward/headers.ts';
import { FieldFinder, formBoundary, type FieldSpan } from '../forward/multipart.ts';
import { stripKeepAlive } from '../forward/strip-keep-alive.ts';
import { decodeZstd, ZstdError } from '../forward/zstd.ts';
import { passthroughModel, readAsk, withModel, type Ask } from './ask.ts';
import type { Exchange } from './exchange.ts';
import type { HandlerSettings } from './parts.ts';

/** Ollama's own bound for a body that it decompresses (middleware/openai.go, maxDecompressedBodySize). */
const MAX_DECODED_BYTES = 20 * 1024 * 1024;
/** A form whose declared length is up to this is read whole, so that another backend can be tried. */
const WHOLE_FORM_BYTES = 1024 * 1024;

/** What goes to a backend. */
export interface Outgoing {
  /** The whole body, or its beginning where a rest follows. */
  readonly head: Buffer;
  /** The client's `Content-Encoding` is no longer true of it. */
  readonly decoded: boolean;
}

/** A request for a model, read as far as routing needs it. */
export interface Incoming {
  readonly ask: Ask;
  /**
   * The body under another model name, or with undefined as the client sent it; with another context size if given, and
   * without its keep_alive if that is to be held back.
   */
  readonly outgoing: (name: string | undefined, numCtx?: number, holdBack?: boolean) => Outgoing;
  /** What was not read yet. */
  readonly tail: BodyTail | undefined;
}

/** Reads the body of an inference request. @throws ProxyError `bad_request` and others, as Ollama would refuse it */
export const readIncoming = async (exchange: Exchange, settings: HandlerSettings): Promise<Incoming> => {
  if (exchange.route.form) return readForm(exchange, settings);
  const { req, route, path } = exchange;
  const body = await readBody(req, settings.bodyBytes, settings.bodyIdleMs);
  // Only the /v1 layer decodes, and only zstd (middleware/openai.go); elsewhere the bytes are what they are.
  const zstd = path.startsWith('/v1/') && single(req.headers, 'content-encoding')?.trim().toLowerCase() === 'zstd';
  const plain = zstd ? await decode(body, Math.min(MAX_DECODED_BYTES, settings.bodyBytes)) : body;
  const ask = readAsk(route, path, req.headers, plain, settings.hasher);
  return {
    ask,
    outgoing: (name, numCtx, holdBack = false) => {
      if (name === undefined && numCtx === undefined && !holdBack) return { head: body, decoded: false };
      const wanted = numCtx === undefined ? plain : ask.withNumCtx(numCtx);
      const sized = holdBack ? stripKeepAlive(wanted) : wanted;
      if (name === undefined) return { head: sized, decoded: zstd };
      // Options may stand before the model: its place has to be looked up again.
      const span = sized === plain ? ask.modelSpan : passthroughModel(route, sized)?.span;
      return { head: span === undefined ? sized : withModel(sized, span, name), decoded: zstd };
    },
    tail: undefined,
  };
};

const decode = async (body: Buffer, limit: number): Promise<Buffer> => {
  try {
    return await decodeZstd(body, limit);
  } catch (error) {
    if (!(error instanceof ZstdError)) throw error;
    throw error.tooLarge
      ? new ProxyError('body_too_large', `the zstd request body is too large: ${error.message}`, { cause: error })
      : new ProxyError('bad_request', 'failed to decompress zstd body', { cause: error });
  }
};

/** A form is read up to its model; the file in it, which may be long, mostly comes after and is not held. */
const readForm = async (exchange: Exchange, settings: HandlerSettings): Promise<Incoming> => {
  const { req } = exchange;
  const boundary = formBoundary(single(req.headers, 'content-type'));
  if (boundary === undefined) {
    const text = `failed to parse multipart form: request Content-Type isn't multipart/form-data`;
    throw new ProxyError('bad_request', text);
  }
  const declared = Number(req.headers['content-length'] ?? Infinity);
  const tail = new BodyTail(req, settings.bodyIdleMs);
  const head = new GrowingBuffer(settings.bodyBytes);
  const span = await findModel(tail, head, new FieldFinder(boundary, 'model'));
  const whole = declared <= WHOLE_FORM_BYTES;
  if (whole) await head.takeAll(tail);
  const form = head.bytes;
  const model = form.toString('utf8', span.start, span.end).trim();
  if (model === '') throw new ProxyError('bad_request', 'model is required');
  return {
    ask: {
      body: form,
      model,
      modelSpan: { ...span, type: 'string' },
      stream: false,
      purpose: 'answer',
      keepsAlive: false,
      prompt: () => ({ text: '', system: '' }),
      affinityKey: single(req.headers, 'x-task-router-session'),
      demand: (category) => ({ ...NO_DEMAND, app: `c:${category}` }),
      withNumCtx: () => form,
    },
    outgoing: (name) => ({
      head:
        name === undefined
          ? form
          : Buffer.concat([form.subarray(0, span.start), Buffer.from(name), form.subarray(span.end)]),
      decoded: false,
    }),
    tail: whole ? undefined : tail,
  };
};

const findModel = async (tail: BodyTail, head: GrowingBuffer, finder: FieldFinder): Promise<FieldSpan> => {
  for (;;) {
    const more = await head.take(tail);
    const found = finder.look(head.bytes);
    if (found.kind === 'found') return found.span;
    if (found.kind === 'too-large') {
      throw new ProxyError('body_too_large', 'the form has more than 1 MiB of fields and no model among them');
    }
    if (found.kind === 'absent' || !more) throw new ProxyError('bad_request', 'model is required');
  }
};

/** Bytes that arrive piece by piece, looked at as one: each is copied a bounded number of times. */
class GrowingBuffer {
  readonly #limit: number;
  #space = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): Buffer {
    return this.#space.subarray(0, this.#length);
  }

  /** Takes in everything that is still to come. @throws like `take` */
  async takeAll(tail: BodyTail): Promise<void> {
    let more = true;
    while (more) more = await this.take(tail);
  }

  /** Takes in the next piece. @returns false at the end of the body @throws ProxyError `body_too_large` and the tail's */
  async take(tail: BodyTail): Promise<boolean> {
    const piece = await tail.next();
    if (piece === undefined) return false;
    const length = this.#length + piece.length;
    if (length > this.#limit) {
      const advice = 'send the field "model" before the file, so that the file need not be held';
      throw new ProxyError(
        'body_too_large',
        `no model within ${this.#limit} bytes of the form (limits.body): ${advice}`,
      );
    }
    if (length > this.#space.length) {
      const space = Buffer.allocUnsafe(Math.max(length, this.#space.length * 2));
      this.#space.copy(space, 0, 0, this.#length);
      this.#space = space;
    }
    piece.copy(this.#space, this.#length);
    this.#length = length;
    return true;
  }
}
