import { JSON_PLAIN, NDJSON, type Exchange } from './exchange.ts';
import { stringField, type FieldSpec, type Fields } from './go-fields.ts';
import { goJson } from './go-json.ts';
import { omitEmpty } from './native-sink.ts';

/** The fields that all routes about one model's files share. */
export const NAMES: FieldSpec = {
  model: ['model', 'string', 'string'],
  name: ['name', 'string', 'string'],
  stream: ['stream', 'bool', 'bool'],
  insecure: ['insecure', 'bool', 'bool'],
};

/** An empty `model` falls back to the old `name`. */
export const nameOf = (fields: Fields): string => stringField(fields, 'model') || stringField(fields, 'name');

/** Lines of a job in progress, or with `stream: false` its last word. */
export interface Progress {
  line(fields: Readonly<Record<string, unknown>>): void;
  success(): void;
  fail(status: number, message: string): void;
}

/** Reports as NDJSON, or with `stream` false in one object. */
export const progress = (exchange: Exchange, stream: boolean): Progress => ({
  line(fields) {
    if (stream) exchange.record(`${goJson(omitEmpty(fields))}\n`, NDJSON);
  },
  success() {
    if (!stream) {
      exchange.send(200, { 'Content-Type': JSON_PLAIN }, goJson({ status: 'success' }));
      return;
    }
    exchange.record(`${goJson({ status: 'success' })}\n`, NDJSON);
    exchange.end();
  },
  fail(status, message) {
    if (!stream) {
      exchange.send(status, { 'Content-Type': JSON_PLAIN }, goJson({ error: message }));
      return;
    }
    exchange.record(`${goJson({ error: message })}\n`, NDJSON);
    exchange.end();
  },
});
