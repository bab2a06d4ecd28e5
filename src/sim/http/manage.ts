import { isKnownModel } from '../model/models.ts';
import { fakeDigest } from '../model/hash.ts';
import type { SimContext } from './context.ts';
import { refuse } from './dialect.ts';
import { JSON_PLAIN, JSON_UTF8, NDJSON, type Exchange } from './exchange.ts';
import { boolField, foldKeys, stringField, type FieldSpec, type Fields } from './go-fields.ts';
import { goJson } from './go-json.ts';
import { readNative } from './native.ts';
import { omitEmpty } from './native-sink.ts';

const NAMES: FieldSpec = {
  model: ['model', 'string', 'string'],
  name: ['name', 'string', 'string'],
  stream: ['stream', 'bool', 'bool'],
  insecure: ['insecure', 'bool', 'bool'],
};

/** An empty `model` falls back to the old `name`. */
const nameOf = (fields: Fields): string => stringField(fields, 'model') || stringField(fields, 'name');

/** Lines of a job in progress, or with `stream: false` its last word. */
interface Progress {
  line(fields: Readonly<Record<string, unknown>>): void;
  success(): void;
  fail(status: number, message: string): void;
}

const progress = (exchange: Exchange, stream: boolean): Progress => ({
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

/** `POST /api/copy`. */
export const copy = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.CopyRequest', {
    source: ['source', 'string', 'string'],
    destination: ['destination', 'string', 'string'],
  });
  if (fields === undefined) return;
  const source = stringField(fields, 'source');
  const destination = stringField(fields, 'destination');
  if (source === '' || destination === '') {
    refuse(exchange, 400, `${source === '' ? 'source' : 'destination'} "" is invalid`);
    return;
  }
  const model = context.library.find(source);
  if (model === undefined) {
    refuse(exchange, 404, `model "${source}" not found`);
    return;
  }
  context.library.copy(model, destination, Date.now());
  exchange.send(200, {});
};

/** `DELETE /api/delete`, with a JSON body. */
export const remove = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.DeleteRequest', NAMES);
  if (fields === undefined) return;
  const name = nameOf(fields);
  const model = context.library.find(name);
  if (model === undefined) {
    refuse(exchange, 404, `model '${name}' not found`);
    return;
  }
  context.library.remove(model);
  exchange.send(200, {});
};

const DIGEST = /^sha256[:-]([0-9a-fA-F]{64})$/;

/** `HEAD /api/blobs/:digest`. */
export const headBlob = (context: SimContext, exchange: Exchange): void => {
  const hex = DIGEST.exec(exchange.param)?.[1];
  if (hex === undefined) {
    exchange.json(400, { error: 'invalid digest format' });
  } else if (context.library.hasBlob(hex.toLowerCase())) {
    exchange.sendEmpty(200);
  } else {
    exchange.json(404, { error: `blob "sha256:${hex}" not found` });
  }
};

/** `POST /api/create`, from an installed model or from uploaded files. */
export const create = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.CreateRequest', {
    ...NAMES,
    from: ['from', 'string', 'string'],
    files: ['files', 'object', 'map[string]string'],
    system: ['system', 'string', 'string'],
  });
  if (fields === undefined) return;
  const name = nameOf(fields);
  if (name === '') {
    refuse(exchange, 400, 'invalid model name');
    return;
  }
  const report = progress(exchange, boolField(fields, 'stream') ?? true);
  const from = stringField(fields, 'from');
  const [file] = Object.values(foldKeys(fields['files']));
  const hex = typeof file === 'string' ? DIGEST.exec(file)?.[1]?.toLowerCase() : undefined;
  if (from === '' && file === undefined) {
    exchange.send(400, { 'Content-Type': JSON_PLAIN }, goJson({ error: "neither 'from' or 'files' was specified" }));
    return;
  }
  const source = context.library.find(from);
  if (from !== '' && source === undefined) {
    report.line({ status: 'pulling manifest' });
    report.fail(500, 'pull model manifest: file does not exist');
    return;
  }
  if (source === undefined && (hex === undefined || !context.library.hasBlob(hex))) {
    exchange.send(400, { 'Content-Type': JSON_PLAIN }, goJson({ error: 'invalid digest format' }));
    return;
  }
  const made =
    source === undefined
      ? context.library.import(name, hex ?? '', Date.now())
      : context.library.derive(source, name, stringField(fields, 'system'), Date.now());
  report.line({ status: `using existing layer sha256:${made.weights}` });
  report.line({ status: `creating new layer sha256:${fakeDigest(`template ${made.digest}`)}` });
  report.line({ status: `creating new layer sha256:${fakeDigest(`system ${made.digest}`)}` });
  report.line({ status: 'writing manifest' });
  report.success();
};

/** Between two lines of a running pull, as the server paces them (server/download.go). */
const PULL_TICK_MS = 60;

/** `POST /api/pull`: known names come at the configured speed, unknown ones fail as the registry would make them. */
export const pull = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.PullRequest', NAMES);
  if (fields === undefined) return;
  const name = nameOf(fields);
  if (name === '') {
    refuse(exchange, 400, 'invalid model name');
    return;
  }
  const report = progress(exchange, boolField(fields, 'stream') ?? true);
  report.line({ status: 'pulling manifest' });
  const remote = /^https?:\/\//.test(name);
  if (remote || !isKnownModel(name)) {
    const unreachable = `Get "${name}/manifests/latest": dial tcp: connect: connection refused`;
    report.fail(500, `pull model manifest: ${remote ? unreachable : 'file does not exist'}`);
    return;
  }
  const model = context.library.preview(name);
  const digest = `sha256:${model.weights}`;
  const status = `pulling ${model.weights.slice(0, 12)}`;
  const total = Math.round(model.size);
  const startedAt = performance.now();
  const finish = (): void => {
    for (const last of ['verifying sha256 digest', 'writing manifest']) report.line({ status: last });
    context.library.install(name, Date.now());
    report.success();
  };
  const tick = (): void => {
    const done = ((performance.now() - startedAt) / 1000) * context.pullBytesPerSecond;
    const completed = Math.min(total, Math.round(done));
    report.line({ status, digest, total, completed });
    if (completed >= total) {
      clearInterval(timer);
      finish();
    }
  };
  const timer = setInterval(tick, PULL_TICK_MS);
  timer.unref();
  exchange.whenGone(() => clearInterval(timer));
};

/** `POST /api/push`: there is no registry to push to. */
export const push = (context: SimContext, exchange: Exchange): void => {
  const fields = readNative(exchange, 'api.PushRequest', NAMES);
  if (fields === undefined) return;
  const name = nameOf(fields);
  if (name === '') {
    refuse(exchange, 400, 'model is required');
    return;
  }
  const report = progress(exchange, boolField(fields, 'stream') ?? true);
  report.line({ status: 'retrieving manifest' });
  if (context.library.find(name) === undefined) {
    const path = `registry.ollama.ai/${name}/latest`;
    report.fail(500, `open /simulated/manifests/${path}: no such file or directory`);
  } else {
    report.fail(500, 'you must be signed in to push, and a simulated server cannot sign in');
  }
};

const offline = (status: number, error: string) => (_context: SimContext, exchange: Exchange) =>
  exchange.send(status, { 'Content-Type': JSON_UTF8 }, goJson({ error }));

/** The account routes, as on a machine without a network. */
export const account = offline(503, 'dial tcp: lookup ollama.com: no such host');

/** Web search, as with the cloud switched off. */
export const webSearch = offline(403, 'ollama cloud is disabled: web search is unavailable');

/** `GET /api/experimental/model-recommendations`. */
export const recommendations = (_context: SimContext, exchange: Exchange): void =>
  exchange.json(200, { recommendations: [] });
