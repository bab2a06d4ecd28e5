import { fakeDigest } from '../model/hash.ts';
import type { SimContext } from './context.ts';
import { refuse } from './dialect.ts';
import { JSON_PLAIN, type Exchange } from './exchange.ts';
import { boolField, foldKeys, stringField } from './go-fields.ts';
import { goJson } from './go-json.ts';
import { readNative } from './native.ts';
import { nameOf, NAMES, progress } from './progress.ts';
import { digestHex } from './upload.ts';

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

/** `HEAD /api/blobs/:digest`. */
export const headBlob = (context: SimContext, exchange: Exchange): void => {
  const hex = digestHex(exchange.param);
  if (hex === undefined) {
    exchange.json(400, { error: 'invalid digest format' });
  } else if (context.library.hasBlob(hex)) {
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
  const hex = typeof file === 'string' ? digestHex(file) : undefined;
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
