import type { SimModel } from '../model/models.ts';
import type { SimContext } from './context.ts';
import { refuse } from './dialect.ts';
import type { Exchange } from './exchange.ts';
import { goTime } from './native-sink.ts';

/** What Go prints for a time a few centuries ahead: a model that stays for good. */
const FOREVER = '2318-03-02T10:00:00.123456789Z';

/** The `details` object of tags, ps and show; `training` adds the lengths that newer versions list. */
const details = (model: SimModel, training: boolean): Record<string, unknown> => ({
  parent_model: model.parent,
  format: 'gguf',
  family: model.family,
  families: [model.family],
  parameter_size: model.parameterSize,
  quantization_level: model.quantization,
  ...(training ? { context_length: model.contextLength, embedding_length: model.embeddingLength } : {}),
});

/** `GET /api/tags`. */
export const tags = (context: SimContext, exchange: Exchange): void => {
  const { modern } = context.features;
  exchange.json(200, {
    models: context.library.list().map((model) => ({
      name: model.name,
      model: model.name,
      modified_at: goTime(model.modifiedAt),
      size: Math.round(model.size),
      digest: model.digest,
      details: details(model, modern),
      ...(modern ? { capabilities: model.capabilities } : {}),
    })),
  });
};

/** `GET /api/ps`: a model that is still loading is not listed. */
export const ps = (context: SimContext, exchange: Exchange): void => {
  const now = context.clock.now();
  const loaded = context.machine.runners().filter((runner) => !runner.loading);
  exchange.json(200, {
    models: loaded.map((runner) => ({
      name: runner.model.name,
      model: runner.model.name,
      size: Math.round(runner.sizeBytes),
      digest: runner.model.digest,
      details: details(runner.model, false),
      expires_at:
        runner.expiresAt === Number.POSITIVE_INFINITY
          ? FOREVER
          : goTime(Date.now() + (runner.expiresAt - now) * context.timeScale),
      size_vram: Math.round(runner.gpuBytes),
      context_length: runner.contextLength,
    })),
  });
};

/** `GET /v1/models`; `data` is null when nothing is installed. */
export const openAiModels = (context: SimContext, exchange: Exchange): void => {
  const models = context.library.list().map((model) => openAiModel(model, model.name));
  exchange.line(200, { object: 'list', data: models.length === 0 ? null : models });
};

const openAiModel = (model: SimModel, id: string): Record<string, unknown> => ({
  id,
  object: 'model',
  created: Math.floor(model.modifiedAt / 1000),
  owned_by: id.includes('/') ? id.slice(0, id.indexOf('/')) : 'library',
});

/** An absent model as show and `/v1/models/:m` name it: with its tag from 0.33 on. */
export const absentName = (context: SimContext, name: string): string =>
  context.features.tagInNotFound && !(name.lastIndexOf(':') > name.lastIndexOf('/')) ? `${name}:latest` : name;

/** `GET /v1/models/:model`. */
export const openAiModelByName = (context: SimContext, exchange: Exchange): void => {
  const model = context.library.find(exchange.param);
  if (model === undefined) refuse(exchange, 404, `model '${absentName(context, exchange.param)}' not found`);
  else exchange.line(200, openAiModel(model, exchange.param));
};
