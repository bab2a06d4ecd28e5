import { seededRng } from '../../core/rng.ts';
import { hash32 } from '../model/hash.ts';
import type { SimModel } from '../model/models.ts';
import { countTokens } from '../model/prompt.ts';
import type { Timings } from '../model/job.ts';
import { optionProblem, rawSegment } from './ask.ts';
import type { SimContext } from './context.ts';
import { refuse, refuseBody } from './dialect.ts';
import type { Exchange } from './exchange.ts';
import { foldKeys, numberField, stringField, type FieldSpec, type Fields } from './go-fields.ts';
import { findModel, readNative, readNativeKeepAlive } from './native.ts';
import { omitEmpty, wallNanos } from './native-sink.ts';
import { BUSY, submit } from './run-ask.ts';

const SPEC: FieldSpec = {
  model: ['model', 'string', 'string'],
  options: ['options', 'object', 'map[string]interface {}'],
  dimensions: ['dimensions', 'int', 'int'],
  truncate: ['truncate', 'bool', 'bool'],
};

/** A unit vector that depends on the text alone: equal texts have equal vectors on every server. */
export const embedding = (text: string, length: number): readonly number[] => {
  const rng = seededRng(hash32(text));
  const values = Array.from({ length }, () => rng.next() - 0.5);
  const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return values.map((value) => Number((value / norm).toFixed(8)));
};

/** Two tokens of the tokenizer's own stand around every input. */
const inputTokens = (text: string): number => countTokens(text) + 2;

/** Strings to embed, or undefined if `input` is neither a string nor a list of strings. */
const readInput = (input: unknown): readonly string[] | undefined => {
  if (input === undefined || input === '') return [];
  if (typeof input === 'string') return [input];
  return Array.isArray(input) && input.every((part) => typeof part === 'string') ? input : undefined;
};

interface EmbedRequest {
  readonly model: SimModel;
  readonly inputs: readonly string[];
  readonly options: Fields;
  readonly keepAliveMs: number | undefined;
  readonly dimensions: number | undefined;
  readonly incapableStatus: number;
}

interface Embedded {
  readonly vectors: readonly (readonly number[])[];
  readonly promptTokens: number;
  readonly timings: Timings;
}

/** Runs a batch on the machine, one input after the other on one slot. */
const runEmbed = (
  context: SimContext,
  exchange: Exchange,
  request: EmbedRequest,
  done: (embedded: Embedded) => void,
): void => {
  const { model, inputs, options, keepAliveMs } = request;
  if (!model.capabilities.includes('embedding')) {
    refuse(exchange, request.incapableStatus, 'this model does not support embeddings');
    return;
  }
  const badOption = optionProblem(options);
  if (badOption !== undefined) {
    refuse(exchange, 500, badOption);
    return;
  }
  const promptTokens = inputs.reduce((sum, text) => sum + inputTokens(text), 0);
  const prompt = [{ ...rawSegment(inputs.join('\n')), tokens: promptTokens }];
  submit(context, exchange, { options, keepAliveMs, prompt }, model, {
    kind: inputs.length === 0 ? 'load' : 'embedding',
    outputTokens: 0,
    ended(end) {
      if (end.kind === 'busy') refuse(exchange, 503, BUSY);
      if (end.kind !== 'done') return;
      const length = Math.min(request.dimensions ?? model.embeddingLength, model.embeddingLength);
      done({ vectors: inputs.map((text) => embedding(text, length)), promptTokens, timings: end.timings });
    },
  });
};

const positive = (value: number | undefined): number | undefined =>
  value !== undefined && value > 0 ? value : undefined;

/** `POST /api/embed`. */
export const embed = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.EmbedRequest', SPEC);
  if (fields === undefined) return;
  const keepAliveMs = readNativeKeepAlive(exchange, fields);
  if (keepAliveMs === null) return;
  const inputs = readInput(fields['input']);
  if (inputs === undefined) {
    refuse(exchange, 400, 'invalid input type');
    return;
  }
  const name = stringField(fields, 'model');
  const missing = name.trim() === '' ? undefined : `model "${name}" not found, try pulling it first`;
  const model = findModel(context, exchange, name, false, missing);
  if (model === undefined) return;
  const dimensions = positive(numberField(fields, 'dimensions'));
  const request = {
    model,
    inputs,
    options: foldKeys(fields['options']),
    keepAliveMs,
    dimensions,
    incapableStatus: 501,
  };
  runEmbed(context, exchange, request, ({ vectors, promptTokens, timings }) => {
    const metrics = {
      total_duration: wallNanos(context, timings.totalMs),
      load_duration: Math.max(1, wallNanos(context, timings.loadMs)),
      prompt_eval_count: promptTokens,
    };
    exchange.json(200, { model: name, embeddings: vectors, ...(inputs.length === 0 ? {} : omitEmpty(metrics)) });
  });
};

/** `POST /api/embeddings`, the old route: one prompt, one vector. */
export const embeddings = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.EmbeddingRequest', { ...SPEC, prompt: ['prompt', 'string', 'string'] });
  if (fields === undefined) return;
  const keepAliveMs = readNativeKeepAlive(exchange, fields);
  if (keepAliveMs === null) return;
  const name = stringField(fields, 'model');
  if (name.trim() === '') {
    refuse(exchange, 400, 'model is required');
    return;
  }
  const model = findModel(context, exchange, name, false, `model "${name}" not found, try pulling it first`);
  if (model === undefined) return;
  const prompt = stringField(fields, 'prompt');
  const request = {
    model,
    inputs: prompt === '' ? [] : [prompt],
    options: foldKeys(fields['options']),
    keepAliveMs,
    dimensions: undefined,
    incapableStatus: 500,
  };
  runEmbed(context, exchange, request, ({ vectors }) => exchange.json(200, { embedding: vectors[0] ?? [] }));
};

/** `POST /v1/embeddings`. */
export const openAiEmbeddings = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'openai.EmbedRequest', SPEC);
  if (fields === undefined) return;
  const inputs = readInput(fields['input']);
  if (inputs === undefined || inputs.length === 0) {
    refuseBody(exchange, 'invalid input');
    return;
  }
  const name = stringField(fields, 'model');
  const missing = name.trim() === '' ? undefined : `model "${name}" not found, try pulling it first`;
  const model = findModel(context, exchange, name, false, missing);
  if (model === undefined) return;
  const dimensions = positive(numberField(fields, 'dimensions'));
  const packed = stringField(fields, 'encoding_format') === 'base64';
  const request = { model, inputs, options: {}, keepAliveMs: undefined, dimensions, incapableStatus: 501 };
  runEmbed(context, exchange, request, ({ vectors, promptTokens }) => {
    const data = vectors.map((vector, index) => ({
      object: 'embedding',
      embedding: packed ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector,
      index,
    }));
    exchange.line(200, {
      object: 'list',
      data,
      model: name,
      usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    });
  });
};
