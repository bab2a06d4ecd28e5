import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { openRaw, raw, rawRequest } from '../unit/sim/support/raw-http.ts';
import { bodyDifference, fitsMask, streamDifference } from '../unit/sim/support/same-shape.ts';

interface Step {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}
interface Recording extends Step {
  readonly id: string;
  readonly raw?: string;
  readonly headers?: Record<string, string | null>;
  readonly generated: boolean;
  readonly before?: readonly Step[];
  readonly after?: readonly Step[];
  readonly answers: readonly {
    readonly line: string;
    readonly headers: readonly string[];
    readonly framing: string;
    readonly body?: string;
    readonly lines?: readonly string[];
  }[];
}

const directory = process.env['OLLAMA_WIRE_DIR'] ?? '';
const files = directory === '' ? [] : readdirSync(directory).filter((file) => file.endsWith('.json'));
const recordings = files.map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as Recording);

const FRESH = 'a blob that no server has seen';
/** Routes whose values describe the recording machine's models. */
const DESCRIBES_MODELS = /\/(?:tags|ps|show|models.*|embed|embeddings)$/;

/** Answers of a real 0.24 server, replayed: set OLLAMA_WIRE_DIR to a folder of recordings to run this. */
describe.skipIf(recordings.length === 0)('recorded answers of a real server', () => {
  let sim: SimServer;

  beforeAll(async () => {
    const models = 'alpha,beta,gemma:270m,gemma:warm,llama3.2,gemma2:2b,deepseek-r1:1.5b,all-minilm,qwen3:0.6b'.split(
      ',',
    );
    sim = await startSim({ version: '0.24.0', models, profile: 'cpu', timeScale: 0.001, outputTokens: 12 });
  });
  afterAll(() => sim.close());

  it.each(recordings.map((recording) => [recording.id, recording] as const))('%s', async (_id, recording) => {
    for (const step of recording.before ?? []) await raw(sim.port, step.method, step.path, step.body);
    const shown = await raw(sim.port, 'POST', '/api/show', { model: 'alpha' });
    const held = /sha256-([0-9a-f]{64})/.exec(shown.body)?.[1] ?? '';
    const sha = createHash('sha256').update(FRESH).digest('hex');
    const path = recording.id === 'blob-head' ? `/api/blobs/sha256:${held}` : recording.path?.replace('{SHA256}', sha);
    const body = recording.body === '{FRESH}' ? FRESH : recording.body;
    const call = openRaw(sim.port, recording.raw ?? rawRequest(recording.method, path, body, recording.headers));
    const ours = await call.answer;
    for (const step of recording.after ?? []) await raw(sim.port, step.method, step.path, step.body);

    const [wanted] = recording.answers;
    if (wanted === undefined) throw new Error(`recording ${recording.id} holds no answer`);
    expect(ours.line).toBe(wanted.line);
    const odd = wanted.headers.filter((header, index) => !fitsMask(header, ours.headers[index] ?? ''));
    // The length of a body that describes models or holds generated text is its own.
    const serious = odd.filter((header) => !(recording.generated && header.startsWith('Content-Length')));
    expect({ odd: serious, count: ours.headers.length }, ours.headers.join('\n')).toEqual({
      odd: [],
      count: wanted.headers.length,
    });
    expect(ours.framing).toBe(wanted.framing);
    const strict = !recording.generated && !DESCRIBES_MODELS.test(recording.path ?? '');
    if (wanted.lines === undefined) expect(bodyDifference(wanted.body ?? '', ours.body, strict)).toBe('');
    else expect(streamDifference(wanted.lines, ours.body.split('\n'))).toBe('');
  });
});
