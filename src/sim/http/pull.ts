import { isKnownModel } from '../model/models.ts';
import type { SimContext } from './context.ts';
import { refuse } from './dialect.ts';
import type { Exchange } from './exchange.ts';
import { boolField } from './go-fields.ts';
import { readNative } from './native.ts';
import { nameOf, NAMES, progress } from './progress.ts';

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
