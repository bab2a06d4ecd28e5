import { messageSegment } from './ask.ts';
import type { SimContext } from './context.ts';
import { refuse, refuseBody } from './dialect.ts';
import type { Exchange } from './exchange.ts';
import { findModel } from './native.ts';
import { BUSY, submit } from './run-ask.ts';

/** A form field of a multipart body; enough for the short text fields that stand beside the file. */
const formField = (body: Buffer, name: string): string => {
  const text = body.toString('latin1');
  const start = text.indexOf(`name="${name}"`);
  const from = start < 0 ? -1 : text.indexOf('\r\n\r\n', start);
  const to = from < 0 ? -1 : text.indexOf('\r\n', from + 4);
  return to < 0 ? '' : text.slice(from + 4, to);
};

/** `POST /v1/audio/transcriptions`: the model is a field of the form; what it hears depends on the bytes' number alone. */
export const transcribe = (context: SimContext, exchange: Exchange): void => {
  const name = formField(exchange.body, 'model');
  if (name === '') {
    refuseBody(exchange, 'model is required');
    return;
  }
  const model = findModel(context, exchange, name, false);
  if (model === undefined) return;
  const content = `audio of ${exchange.body.length} bytes`;
  const prompt = [messageSegment({ role: 'user', content, images: [], extra: '' })];
  submit(context, exchange, { options: {}, keepAliveMs: undefined, prompt }, model, {
    kind: 'completion',
    outputTokens: 8,
    ended(end) {
      if (end.kind === 'busy') refuse(exchange, 503, BUSY);
      if (end.kind === 'done') exchange.line(200, { text: `A simulated recording, ${content}.` });
    },
  });
};
