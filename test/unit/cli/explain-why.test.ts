import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explainCommand, explainText } from '../../../src/cli/explain.ts';
import { USAGE } from '../../../src/cli/usage.ts';
import { whyCommand, whyText } from '../../../src/cli/why.ts';
import { ScriptedBackend, type Script } from '../../support/scripted-backend.ts';
import { testIo } from '../../support/test-io.ts';
import { candidateOf, decisionOf, explainAnswerOf, whyAnswerOf } from './answers.ts';

/** An admin listener that gives what a test wants. */
let admin: ScriptedBackend;
beforeEach(async () => {
  admin = await new ScriptedBackend('admin').listen();
});
afterEach(() => admin.refuse());

const answering =
  (status: number, body: object | string): Script =>
  ({ res }) => {
    res.writeHead(status, { 'content-type': 'application/json', location: '/elsewhere' });
    res.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

const run = async (
  command: typeof explainCommand,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
) => {
  const io = testIo(env);
  const code = await command(argv, io);
  return { code, out: io.stdout(), err: io.stderr() };
};
const explain = (...more: readonly string[]) =>
  run(explainCommand, ['--model', 'm', '--prompt', 'fix it', '--admin', admin.url, ...more]);
const why = (id: string, ...more: readonly string[]) => run(whyCommand, [id, '--admin', admin.url, ...more]);

describe('explain', () => {
  it('sends the prompt as an Ollama request and prints who would answer first, then every candidate', async () => {
    admin.next(answering(200, explainAnswerOf()));
    const { code, out, err } = await explain('--system', 'be brief');
    const call = await admin.call(0);
    expect([call.method, call.path]).toEqual(['POST', '/admin/v1/explain']);
    expect(JSON.parse(call.body().toString())).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'fix it' },
      ],
    });
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe(`gpu-2 would answer first: first token in about 0.60 s.

model      m, num_ctx 8192
category   coding (says fix)
tokens     about 3,000 in, 200 out
strategy   hybrid

seconds  start  first   cost  wait prefill decode
> gpu-2    now   0.60   0.90     0    0.60   0.30
  gpu-1  waits   6.21   6.51  6.00    0.21   0.30

not asked:
  gpu-3: draining
`);
  });

  it('prints the answer as it came for --json', async () => {
    admin.next(answering(200, `${JSON.stringify({ ...explainAnswerOf(), later: [1] })}\n`));
    const { code, out } = await explain('--json');
    expect([code, JSON.parse(out)]).toEqual([0, { ...explainAnswerOf(), later: [1] }]);
  });

  it('says when it would wait, when another one would begin sooner, and when nobody can', () => {
    const [gpu2, gpu1] = explainAnswerOf().candidates;
    const first = (some: Parameters<typeof explainAnswerOf>[0]): string | undefined =>
      explainText(explainAnswerOf(some), undefined).split('\n')[0];
    const waiting = candidateOf('gpu-1', { wait: 2_000, prefill: 200 }, { chosen: true, ready: false });
    expect(first({ candidates: [waiting], wouldWait: true })).toBe(
      'It would wait about 2.00 s for gpu-1: first token in about 2.20 s.',
    );
    const soon = candidateOf('gpu-4', { prefill: 100, evict: 9_000 });
    expect(first({ candidates: [gpu2, gpu1, soon].filter((each) => each !== undefined) })).toBe(
      'gpu-2 would answer: first token in about 0.60 s; gpu-4 alone would begin in 0.10 s, at a higher cost for the pool.',
    );
    expect(first({ candidates: [] })).toBe('No server could take it now (1 cannot; see below).');
    expect(first({ candidates: [], obstacles: [] })).toBe('No server has m.');
  });

  it('tells that a model is not known, and where to see which are', async () => {
    admin.next(answering(404, { error: "model 'm' not found" }));
    expect(await explain()).toEqual({
      code: 1,
      out: '',
      err: `ollama-task-router explain: model 'm' not found; GET ${admin.url}/admin/v1/models lists what there is\n`,
    });
  });

  it('sends the token of the environment, and tells where to get one that is missing or wrong', async () => {
    const refused = { error: 'send the admin token' };
    admin.next(
      answering(401, refused),
      answering(401, refused),
      answering(403, { error: 'Host "x" is not this machine' }),
    );
    const argv = ['--model', 'm', '--prompt', 'p', '--admin', admin.url];
    const without = await run(explainCommand, argv);
    expect([without.code, without.err]).toEqual([
      1,
      `ollama-task-router explain: ${admin.url} wants the admin token: set TASK_ROUTER_ADMIN_TOKEN to the value of admin.token of its configuration, or name a file that holds it with --token-file\n`,
    ]);
    const wrong = await run(explainCommand, argv, { TASK_ROUTER_ADMIN_TOKEN: 'secret' });
    expect((await admin.call(1)).headers.authorization).toBe('Bearer secret');
    expect(wrong.err).toContain('does not take this token');
    expect(wrong.err).not.toContain('secret');
    expect((await run(explainCommand, argv)).err).toContain('refuses the call: Host "x" is not this machine');
  });

  it('tells the URL that it could not reach and how to name another', async () => {
    await admin.refuse();
    const { code, out, err } = await explain();
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`cannot reach the admin listener at ${admin.url} (connect ECONNREFUSED`);
    expect(err).toContain('--admin URL');
  });

  it.each([
    ['something that is not JSON', answering(200, '<html>')],
    ['another answer', answering(200, { candidates: [{}] })],
    ['a redirect, which the token must not follow', answering(302, '')],
    ['an error in other words', answering(500, 'oops')],
  ])('does not take %s for an explanation', async (_what, script) => {
    admin.next(script);
    const { code, out, err } = await explain();
    expect([code, out, admin.calls.length]).toEqual([1, '', 1]);
    expect(err).toMatch(/--admin/);
  });

  it.each([
    [['--prompt', 'p'], 'which model? Give --model'],
    [['--model', 'm'], 'which prompt? Give --prompt'],
    [['--model', 'm', '--prompt', 'p', '--nope'], '--nope'],
  ])('explains itself and gives 2 for %j', async (argv, message) => {
    const { code, out, err } = await run(explainCommand, argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
    expect(err).toContain(USAGE.explain);
  });

  it.each(['localhost:11436', 'ftp://a', 'nonsense'])('refuses %s as --admin and shows what to write', async (url) => {
    const { code, err } = await run(explainCommand, ['--model', 'm', '--prompt', 'p', '--admin', url]);
    expect(code).toBe(1);
    expect(err).toContain(`--admin "${url}" is no URL: write it like http://127.0.0.1:11436`);
  });
});

describe('why', () => {
  it('asks for the request and prints what was foreseen beside what was observed, and the attempt', async () => {
    admin.next(answering(200, whyAnswerOf({ id: 'a/b' })));
    const { code, out, err } = await why('a/b');
    expect((await admin.call(0)).path).toBe('/admin/v1/decisions/a%2Fb');
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe(`a answered: first token after 0.71 s, foreseen 0.60 s.

request    a/b, 2026-01-01T00:00:00.000Z
call       POST /api/chat
model      m
category   coding (a word)
strategy   hybrid

seconds           foreseen  observed
wait                     0         0
load                     0         ?
prefill               0.60      0.64
first token           0.60      0.71
decode                0.30      0.45
total                 0.90      1.20
tokens cached            0         ?
tokens out             200       211

attempts:
1. a, m: served after 0.02 s
   chosen because: only candidate

candidates of attempt 1, best first:
seconds  start  first   cost  wait prefill decode
> a        now   0.60   0.90     0    0.60   0.30
  b        now   6.00   6.00  6.00       0      0
`);
  });

  it('shows what the first decision foresaw of a request that waited', () => {
    const [attempt] = decisionOf().attempts;
    if (attempt === undefined) throw new Error('no attempt');
    const atFirst = { backend: 'b', waitMs: 3_000, firstTokenMs: 3_600, totalMs: 3_900 };
    const text = whyText(
      whyAnswerOf({
        decided: decisionOf({
          attempts: [{ ...attempt, decisions: 4, atFirst }],
          observed: { queueMs: 2_500, firstByteMs: 3_200 },
        }),
      }),
      undefined,
    );
    expect(text).toContain('a answered: first token after 0.71 s, foreseen 3.60 s.');
    expect(text).toContain('decided    4 times');
    expect(text).toMatch(/^seconds +at first +foreseen +observed$/m);
    expect(text).toMatch(/^wait +3\.00 +0 +2\.50$/m);
    expect(text).toMatch(/^first token +3\.60 +0\.60 +3\.20$/m);
  });

  it('shows every attempt of a failover, and the time that the failed ones took', () => {
    const [attempt] = decisionOf().attempts;
    if (attempt === undefined) throw new Error('no attempt');
    const text = whyText(
      whyAnswerOf({
        attempts: [
          {
            backend: 'b',
            model: 'm',
            why: 'first choice',
            outcome: {
              kind: 'backend-failed',
              phase: 'head',
              blame: 'backend',
              reason: 'reset',
              message: 'connection reset',
              totalMs: 250,
            },
          },
          ...(whyAnswerOf().attempts ?? []),
        ],
        decided: decisionOf({ attempts: [attempt, { ...attempt, attempt: 2, leftOut: 3 }] }),
      }),
      undefined,
    );
    expect(text).toContain(
      '1. b, m: backend-failed after 0.25 s: connection reset\n   chosen because: first choice\n2. a, m: served',
    );
    expect(text).toMatch(/^failed attempts +0\.25$/m);
    expect(text).toContain('candidates of attempt 1, best first:');
    expect(text).toMatch(/candidates of attempt 2, best first:\n[^]+3 dearer candidates were not kept\n$/);
  });

  it('tells what became of a request that nobody served, and of one that still runs', () => {
    const { decided: _, ...record } = whyAnswerOf();
    expect(
      whyText({ ...record, attempts: [], outcome: 'refused', status: 503, error: 'queue_full' }, undefined),
    ).toMatch(/^No server was asked: refused, status 503 \(queue_full\)\.\n/);
    expect(whyText({ ...record, outcome: 'failed', status: 502, error: 'backend_failed' }, undefined)).toMatch(
      /^Not served; the last one asked was a: failed, status 502 \(backend_failed\)\.\n/,
    );
    const running = whyText({ id: 'r', decided: decisionOf({ observed: null }) }, undefined);
    expect(running).toMatch(/^Still running; chosen is a\.\n/);
    expect(running).not.toContain('observed');
  });

  it('prints the answer as it came for --json', async () => {
    admin.next(answering(200, whyAnswerOf()));
    const { code, out } = await why('r', '--json');
    expect([code, JSON.parse(out)]).toEqual([0, JSON.parse(JSON.stringify(whyAnswerOf()))]);
  });

  it('lets nothing that a client named move the cursor of the reader', async () => {
    admin.next(answering(200, whyAnswerOf({ model: 'm\u001B[2Jx' })), answering(404, { error: 'no \u001B]0;x\u0007' }));
    expect((await why('r')).out).toContain('model      m?[2Jx → m\n');
    expect((await why('r')).err).toContain('no ?]0;x?');
  });

  it('tells that a request is not known and how long they are kept', async () => {
    admin.next(answering(404, { error: 'no request "r" among the last 1000' }));
    const { code, err } = await why('r');
    expect(code).toBe(1);
    expect(err).toContain('no request "r" among the last 1000; only the last 1,000 requests');
  });

  it.each([[[]], [['a', 'b']], [['']]])('explains itself and gives 2 for %j', async (argv) => {
    const { code, out, err } = await run(whyCommand, argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(USAGE.why);
  });

  it('explains itself on stdout for --help', async () => {
    expect(await run(whyCommand, ['--help'])).toEqual({ code: 0, out: USAGE.why, err: '' });
    expect(await run(explainCommand, ['--help'])).toEqual({ code: 0, out: USAGE.explain, err: '' });
  });
});
