import { readFileSync } from 'node:fs';
import { modelKey } from '../../src/core/model-name.ts';
import { readTrace } from '../../src/results/trace-read.ts';
import type { TraceRequest } from '../../src/results/trace.ts';
import { installModel, type SimModel } from '../../src/sim/model/models.ts';
import type { Segment } from '../../src/sim/model/prompt.ts';
import { mean } from './statistics.ts';
import { BYTES_PER_TOKEN, type Session, type Workload } from './workload.ts';

/** A recording (docs/trace.md) and how it is played. Plain values, so that it can be sent to a process. */
export interface Recording {
  readonly path: string;
  /** By how much it is played faster than it was recorded, > 0. */
  readonly speed: number;
  /** Bytes of weights by model; others are as big as their names say. */
  readonly modelBytes: Readonly<Record<string, number>>;
  /** Context that the servers are set to, in tokens; undefined = enough for the longest request, a power of two. */
  readonly contextTokens: number | undefined;
}

export interface RecordedWorkload {
  readonly workload: Workload;
  /** Mean requests per second of the replay. */
  readonly perSecond: number;
  /** Requests of the recording that ask for no work: the client's own mistakes. */
  readonly leftOut: number;
}

/** Tokens of an answer where no answer of the model tells. */
const USUAL_OUTPUT = 128;
/** Servers are hardly set to less. */
const LEAST_CONTEXT = 4096;

const cache = new Map<string, RecordedWorkload>();

/** Reads a recording once per process. Throws with every line that is wrong. */
export const recordedWorkload = (recording: Recording): RecordedWorkload => {
  const key = JSON.stringify(recording);
  const known = cache.get(key);
  if (known !== undefined) return known;
  const read = readTrace(readFileSync(recording.path, 'utf8'));
  if (!read.ok) {
    const lines = read.issues.map(({ line, path, message }) => `  line ${line}: ${path} ${message}`);
    throw new Error(`${recording.path} cannot be replayed:\n${lines.join('\n')}`);
  }
  const made = workloadOfTrace(read.value, recording);
  cache.set(key, made);
  return made;
};

/** What is known of a model from its requests. */
interface Usual {
  readonly tokensPerByte: number;
  readonly outputTokens: number;
}

const usualOf = (requests: readonly TraceRequest[]): Usual => {
  const counted = requests.filter(
    ({ observed, promptBytes }) => observed.promptTokens !== undefined && promptBytes > 0,
  );
  const tokens = counted.reduce((sum, { observed }) => sum + (observed.promptTokens ?? 0), 0);
  const bytes = counted.reduce((sum, { promptBytes }) => sum + promptBytes, 0);
  const outputs = requests.flatMap(({ kind, observed }) =>
    kind === 'completion' && observed.outcome === 'served' && observed.outputTokens !== undefined
      ? [observed.outputTokens]
      : [],
  );
  return {
    tokensPerByte: tokens > 0 ? tokens / bytes : 1 / BYTES_PER_TOKEN,
    outputTokens: outputs.length > 0 ? Math.max(1, Math.round(mean(outputs))) : USUAL_OUTPUT,
  };
};

/**
 * Makes a workload of the requests of a recording, in the order of their arrival: each comes at its time, with a piece
 * of prompt per mark and as many tokens as the server counted. An answer is remembered under the name of the piece by
 * which a later request goes on from this prompt. Who left leaves after the same time; what was refused or failed is
 * asked for again, with an answer of the model's usual length. Throws if nothing is left to replay.
 */
export const workloadOfTrace = (requests: readonly TraceRequest[], recording: Recording): RecordedWorkload => {
  const { speed, path } = recording;
  const played = requests.filter(({ observed }) => observed.outcome !== 'client-error');
  const [first] = played;
  const last = played.at(-1);
  if (first === undefined || last === undefined) throw new Error(`${path} holds no request that asks for work`);
  const byModel = groupBy(played, ({ model }) => modelKey(model));
  const models = new Map<string, SimModel>();
  const usual = new Map<string, Usual>();
  for (const [name, group] of byModel) {
    const model = installModel(name, models.size);
    // Trained for whatever was asked of it: a recording says nothing of limits.
    const size = sizeOf(recording.modelBytes, name) ?? model.size;
    models.set(name, { ...model, size, contextLength: Number.MAX_SAFE_INTEGER });
    usual.set(name, usualOf(group));
  }
  const nextPiece = continuations(played);
  const sessions = played.map((request, index): Session => {
    const name = modelKey(request.model);
    const model = models.get(name);
    const like = usual.get(name);
    if (model === undefined || like === undefined) throw new Error(`${name} was not grouped`);
    const { observed, kind } = request;
    const segments = segmentsOf(request, like.tokensPerByte, index);
    const served = observed.outcome === 'served' ? observed.outputTokens : undefined;
    const outputTokens = kind === 'completion' ? Math.max(1, served ?? like.outputTokens) : 0;
    const lastMark = request.marks.at(-1);
    const goesOn = lastMark === undefined ? undefined : nextPiece.get(`${name} ${lastMark.hash}`);
    const answer = { text: goesOn ?? `answer ${index}`, tokens: outputTokens };
    const left = observed.outcome === 'client-left';
    return {
      id: `r${index}`,
      at: (request.atMs - first.atMs) / speed,
      tenant: request.tenant ?? '',
      app: request.app,
      category: request.category,
      priority: request.priority,
      model,
      numCtx: request.shape.numCtx,
      systemTokens: 0,
      turns: [
        {
          messageTokens: segments.reduce((sum, { tokens }) => sum + tokens, 0),
          outputTokens,
          thinkMs: 0,
          patienceMs: left ? observed.totalMs : Number.POSITIVE_INFINITY,
        },
      ],
      recorded: { session: request.session ?? `r${index}`, demand: demandOf(request), segments, answer },
    };
  });
  const longest = Math.max(
    ...sessions.map(({ turns: [turn] }) => (turn?.messageTokens ?? 0) + (turn?.outputTokens ?? 0)),
  );
  const spanSeconds = Math.max(1, last.atMs - first.atMs) / 1000 / speed;
  return {
    workload: {
      name: path,
      loop: 'open',
      users: 1,
      models: [...models.values()],
      contextTokens: recording.contextTokens ?? Math.max(LEAST_CONTEXT, 2 ** Math.ceil(Math.log2(longest))),
      sessions,
      size: sessions.length,
    },
    perSecond: sessions.length / spanSeconds,
    leftOut: requests.length - played.length,
  };
};

const sizeOf = (sizes: Readonly<Record<string, number>>, name: string): number | undefined =>
  Object.entries(sizes).find(([given]) => modelKey(given) === name)?.[1];

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
};

/** By model and hash of a mark: the piece that first followed it in any prompt. */
const continuations = (requests: readonly TraceRequest[]): ReadonlyMap<string, string> => {
  const next = new Map<string, string>();
  for (const { model, marks } of requests) {
    for (let index = 1; index < marks.length; index += 1) {
      const before = marks[index - 1];
      const mark = marks[index];
      if (before === undefined || mark === undefined) continue;
      const key = `${modelKey(model)} ${before.hash}`;
      if (!next.has(key)) next.set(key, pieceName(mark.hash));
    }
  }
  return next;
};

/** A mark's hash covers everything up to it, so the name of its piece tells the beginning too. */
const pieceName = (hash: number): string => `#${hash}`;

const segmentsOf = (request: TraceRequest, usualTokensPerByte: number, index: number): readonly Segment[] => {
  const { marks, promptBytes, observed } = request;
  if (request.kind === 'load') return [];
  const tokens = Math.max(1, Math.round(observed.promptTokens ?? promptBytes * usualTokensPerByte));
  if (marks.length === 0 || promptBytes === 0) return [{ text: `prompt ${index}`, tokens }];
  const segments: Segment[] = [];
  // Rounded at every end, so that the sum is right.
  let done = 0;
  for (const { hash, bytes } of marks) {
    const upTo = Math.round((tokens * Math.min(bytes, promptBytes)) / promptBytes);
    segments.push({ text: pieceName(hash), tokens: upTo - done });
    done = upTo;
  }
  if (done < tokens) segments.push({ text: `rest ${index}`, tokens: tokens - done });
  return segments;
};

const demandOf = ({ kind, shape, promptBytes, outputLimit, marks, app }: TraceRequest) => ({
  kind,
  shape,
  promptBytes,
  outputLimit,
  marks,
  app,
});
