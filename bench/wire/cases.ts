import type { ChildProcess } from 'node:child_process';
import { request } from 'undici';
import type { Content, Shape } from './answers.ts';
import type { Job, Reply } from './load.ts';
import { cpuMicros, residentBytes } from './processes.ts';
import type { Target, TargetName } from './targets.ts';

/** One number of one target in one round. */
export interface Sample {
  readonly measure: string;
  readonly target: TargetName;
  readonly round: number;
  readonly value: number;
}

/** How long things run; `--quick` shortens them all. */
export interface Scale {
  /** A loop ends after this time, or after so many requests of all its clients together. */
  readonly loopMs: number;
  readonly loopRequests: number;
  readonly waves: number;
  readonly openStreams: number;
  /** Of the file that is passed through. */
  readonly fileBytes: number;
}

type Done = Extract<Reply, { kind: 'done' }>;
type Values = Readonly<Record<string, number>>;
type LoopScale = Pick<Scale, 'loopMs' | 'loopRequests'>;

const WHOLE: Shape = { lines: 0, gapMs: 0, hold: false };
const STREAM: Shape = { lines: 50, gapMs: 20, hold: false };
const FIRST_LINE: Shape = { lines: 2, gapMs: 1, hold: false };
const HELD: Shape = { lines: 6, gapMs: 20, hold: true };
const STREAMS = 200;
const JOB_MS = 60_000;

/** Hands a job to the load generator. @throws on the first wrong or missing answer, and after a minute of silence */
const send = (
  load: ChildProcess,
  target: Target,
  job: Job,
  onOpen: () => Promise<void> = () => Promise.resolve(),
): Promise<Done> =>
  new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      load.off('message', onReply).off('exit', onExit);
    };
    const fail = (why: string): void => {
      finish();
      reject(new Error(`${target.name}: ${why}`));
    };
    const onExit = (): void => fail('the load generator ended');
    const onReply = (reply: Reply): void => {
      if (reply.kind === 'open') {
        onOpen().catch((error: unknown) => fail(String(error)));
      } else if (reply.kind === 'failed') {
        fail(reply.message);
      } else if (reply.requests === 0) {
        fail('the load generator sent no request');
      } else {
        finish();
        resolve(reply);
      }
    };
    const timer = setTimeout(() => fail(`the load was not through after ${JOB_MS} ms`), JOB_MS);
    load.on('message', onReply).on('exit', onExit);
    load.send(job);
  });

const loop = (clients: number, { loopMs, loopRequests }: LoopScale): Pick<Job, 'durationMs' | 'requestsEach'> => ({
  durationMs: loopMs,
  requestsEach: Math.ceil(loopRequests / clients),
});

const job = (target: Target, shape: Shape, clients: number, rest: Partial<Job>): Job => ({
  origin: target.origin,
  shape,
  clients,
  content: 'prompt',
  bytes: 200,
  headers: target.headers ?? {},
  staggerMs: 0,
  requestsEach: Number.MAX_SAFE_INTEGER,
  durationMs: JOB_MS,
  ...rest,
});

/** CPU of the process in between while a job runs, in µs; NaN for the direct way. */
const timed = async (load: ChildProcess, target: Target, work: Job): Promise<Done & { readonly cpu: number }> => {
  const pid = target.process?.pid;
  const before = pid === undefined ? NaN : cpuMicros(pid);
  const done = await send(load, target, work);
  return { ...done, cpu: pid === undefined ? NaN : cpuMicros(pid) - before };
};

export interface Case {
  readonly name: string;
  run(load: ChildProcess, target: Target, scale: Scale): Promise<Values>;
}

/** Short whole answers, as many as 32 busy clients get. */
const short: Case = {
  name: 'short',
  async run(load, target, scale) {
    const { cpu, requests, elapsedMs } = await timed(load, target, job(target, WHOLE, 32, loop(32, scale)));
    return { 'short.cpu': cpu / requests, 'short.rate': (requests * 1000) / elapsedMs };
  },
};

/** Many slow streams at once, their starts spread over one gap so that lines do not arrive in step. */
const streams: Case = {
  name: 'streams',
  async run(load, target, { waves }) {
    const staggerMs = STREAM.gapMs / STREAMS;
    const work = job(target, STREAM, STREAMS, { requestsEach: waves, staggerMs });
    // What the scrape before the job says is of the time before it: the delay starts anew with each.
    await loopDelayP99(target);
    const { cpu, requests, gapP99 } = await timed(load, target, work);
    const loop = await loopDelayP99(target);
    return {
      'streams.cpu': cpu / (requests * STREAM.lines),
      'streams.gap': gapP99 * 1000,
      ...(loop === undefined ? {} : { 'streams.loop': loop * 1000 }),
    };
  },
};

/** The longest but one in a hundred delays of the proxy's event loop since the last scrape, in ms. */
const loopDelayP99 = async ({ admin }: Target): Promise<number | undefined> => {
  if (admin === undefined) return undefined;
  const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(await ask(admin, '/metrics'))?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
};

/** First line of a stream, with few clients, so that waiting for a busy process does not hide the path. */
const firstByte: Case = {
  name: 'first byte',
  async run(load, target, scale) {
    const done = await send(load, target, job(target, FIRST_LINE, 4, loop(4, scale)));
    return { 'first.p50': done.firstByteP50 * 1000, 'first.p99': done.firstByteP99 * 1000 };
  },
};

/** What reading and moving a body costs, by what is in it. */
const bodies = (name: string, content: Content, bytes: number, clients: number, most = Infinity): Case => ({
  name,
  async run(load, target, { loopMs, loopRequests }) {
    const bounds = loop(clients, { loopMs, loopRequests: Math.min(loopRequests, most) });
    const { cpu, requests } = await timed(load, target, job(target, WHOLE, clients, { ...bounds, content, bytes }));
    return { [`${name}.cpu`]: cpu / requests };
  },
});

const MIB = 1024 * 1024;
const large = bodies('large', 'prompt', 200 * 1024, 8);
const history = bodies('history', 'history', 64 * 1024, 8);
const embed = bodies('embed', 'embed', 8 * 1024, 32);
const images = bodies('images', 'images', 20 * MIB, 2, 4);

/** A file that is passed through unread: CPU of a MiB. */
const file: Case = {
  name: 'file',
  async run(load, target, { fileBytes }) {
    // It holds whole bodies, and one of a GiB is more than it may take here.
    if (target.name === 'relay') return {};
    const work = job(target, WHOLE, 1, { requestsEach: 1, content: 'file', bytes: fileBytes });
    const { cpu } = await timed(load, target, work);
    return { 'file.cpu': cpu / (fileBytes / MIB) };
  },
};

/** The cases that every target runs in each round, in this order. */
export const CASES: readonly Case[] = [short, streams, firstByte, large, history, embed, images, file];

/** The case by which what can be switched off is judged. */
export const FEATURE_CASES: readonly Case[] = [short];

const ask = async (backend: string, path: string): Promise<string> => {
  const answer = await request(`${backend}${path}`);
  return answer.body.text();
};

/** Resident memory of a fresh process while many streams are open: all of it, and what each stream added. */
export const memoryPerStream = async (
  load: ChildProcess,
  target: Target,
  backend: string,
  { openStreams }: Scale,
): Promise<Values> => {
  const pid = target.process?.pid;
  if (pid === undefined) return {};
  await send(load, target, job(target, WHOLE, 32, { requestsEach: 100 }));
  const before = residentBytes(pid);
  let open = NaN;
  const work = job(target, HELD, openStreams, { requestsEach: 1 });
  await send(load, target, work, async () => {
    while (Number(await ask(backend, '/held')) < openStreams) await new Promise((resolve) => setTimeout(resolve, 20));
    open = residentBytes(pid);
    await ask(backend, '/release');
  });
  return { 'memory.open': open / 1024 / 1024, 'memory.stream': (open - before) / openStreams / 1024 };
};
