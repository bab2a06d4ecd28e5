import { setMaxListeners } from 'node:events';
import { Agent, type Dispatcher } from 'undici';
import { totalTokens } from '../../src/sim/model/prompt.ts';
import type { Session, Workload } from '../sim/workload.ts';
import { ANSWER_SCHEMA, answerOf, prepareAnswers, segmentOf, textOf, type Message } from './text.ts';

/** One request as its client saw it. Times in ms of wall time; NaN = it never came to that. */
export interface WireRecord {
  readonly id: string;
  /** Not part of the warm-up. */
  readonly counted: boolean;
  /** From the start of sending to the first bytes of the answer, which hold its first token. */
  readonly firstMs: number;
  readonly totalMs: number;
  /** What the server says that it took, and how long the proxy says that it held the request back. */
  readonly serverMs: number;
  readonly queueMs: number;
  /** Why there is no good answer; '' = there is one. */
  readonly failure: string;
  /** As the proxy names it; '' = it does not. */
  readonly backend: string;
}

export interface Replay {
  readonly origin: string;
  readonly workload: Workload;
  /** ms of wall time after which everything that is still open is given up. */
  readonly limitMs: number;
  /** The first request that counts is about to be sent. */
  readonly counting: () => Promise<void>;
}

/** As in the simulator: the first tenth fills memories and is not counted. */
const WARM_UP = 0.1;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly firstMs: number;
  readonly totalMs: number;
}

/** Notes when bytes come and reads them only when all are here, so that reading delays nothing. */
class Listener implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>;
  readonly #startedAt = performance.now();
  readonly #signal: AbortSignal;
  readonly #chunks: Buffer[] = [];
  #status = 0;
  #headers: Answer['headers'] = {};
  #firstMs = Number.NaN;
  #resolve: (answer: Answer) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const giveUp = (): void => controller.abort(new Error('given up: the replay took too long'));
    if (this.#signal.aborted) giveUp();
    else this.#signal.addEventListener('abort', giveUp, { once: true });
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Answer['headers']): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#chunks.length === 0) this.#firstMs = performance.now() - this.#startedAt;
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#resolve({
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks).toString('utf8'),
      firstMs: this.#firstMs,
      totalMs: performance.now() - this.#startedAt,
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}

interface Line {
  readonly message?: { readonly content?: string };
  readonly done?: boolean;
  readonly total_duration?: number;
  readonly prompt_eval_count?: number;
  readonly eval_count?: number;
}

interface Expected {
  readonly text: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** What is wrong with an answer, '' if nothing is, and the ms that the server took. */
const judge = (
  { status, body }: Answer,
  expected: Expected,
): { readonly failure: string; readonly serverMs: number } => {
  if (status !== 200) return { failure: `status ${status}: ${body.slice(0, 200)}`, serverMs: Number.NaN };
  const lines = body.trimEnd().split('\n');
  const read = lines.map((line) => JSON.parse(line) as Line);
  const last = read.at(-1);
  const serverMs = (last?.total_duration ?? Number.NaN) / 1e6;
  const text = read.map((line) => line.message?.content ?? '').join('');
  if (last?.done !== true) return { failure: 'the answer breaks off', serverMs };
  if ((read[0]?.message?.content ?? '') === '') return { failure: 'the first line has no token', serverMs };
  const counts = `${last.prompt_eval_count} tokens read and ${last.eval_count} written`;
  const wanted = `${expected.promptTokens} tokens read and ${expected.outputTokens} written`;
  if (text !== expected.text || counts !== wanted) return { failure: `${counts}, not ${wanted}`, serverMs };
  return { failure: '', serverMs };
};

const header = ({ headers }: Answer, name: string): string => String(headers[name] ?? '');

/** Each tenant comes from an address of its own, as the proxy tells tenants apart by it. */
const addressOf = (tenant: string): string => `127.0.1.${1 + Number(tenant.replace(/\D/g, ''))}`;

/** What came back for one request; looked at when all is over, because reading a long answer would delay the others. */
interface Heard {
  readonly id: string;
  readonly counted: boolean;
  readonly expected: Expected;
  /** Or why there is none. */
  readonly answer: Answer | string;
}

const NOTHING = { firstMs: Number.NaN, totalMs: Number.NaN, serverMs: Number.NaN, queueMs: Number.NaN, backend: '' };

const recordOf = ({ id, counted, expected, answer }: Heard): WireRecord => {
  if (typeof answer === 'string') return { id, counted, ...NOTHING, failure: answer };
  const { failure, serverMs } = judge(answer, expected);
  return {
    id,
    counted,
    firstMs: failure === '' ? answer.firstMs : Number.NaN,
    totalMs: answer.totalMs,
    serverMs,
    queueMs: Number(header(answer, 'x-task-router-queue-ms')),
    failure,
    backend: header(answer, 'x-task-router-backend'),
  };
};

class Run {
  readonly #heard: Heard[] = [];
  readonly #replay: Replay;
  readonly #agents = new Map<string, Agent>();
  readonly #giveUp = new AbortController();
  readonly #startedAt = performance.now();
  readonly #warmUp: number;
  #sent = 0;

  constructor(replay: Replay) {
    this.#replay = replay;
    this.#warmUp = Math.floor(replay.workload.size * WARM_UP);
    // Every request and every pause listens for the end of all.
    setMaxListeners(0, this.#giveUp.signal);
  }

  async all(): Promise<readonly WireRecord[]> {
    const timer = setTimeout(() => this.#giveUp.abort(), this.#replay.limitMs);
    try {
      await Promise.all(this.#replay.workload.sessions.map((session) => this.#session(session)));
    } finally {
      clearTimeout(timer);
      await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
    }
    return this.#heard.map(recordOf);
  }

  /** One conversation: what was answered stands in the next question's history, whatever it was. */
  async #session(session: Session): Promise<void> {
    await this.#until(session.at);
    const history: Message[] = [];
    if (session.systemTokens > 0) {
      history.push({ role: 'system', content: textOf(`${session.app} system`, session.systemTokens) });
    }
    for (const [index, turn] of session.turns.entries()) {
      if (this.#giveUp.signal.aborted) return;
      const id = `${session.id}.${index}`;
      history.push({ role: 'user', content: textOf(`${id} question`, turn.messageTokens) });
      const planned = answerOf(history, turn.outputTokens);
      const promptTokens = totalTokens(history.map(segmentOf));
      const expected = { text: planned.text, promptTokens, outputTokens: turn.outputTokens };
      await this.#request(session, id, this.#body(session, history, planned.seed), expected);
      history.push({ role: 'assistant', content: planned.text });
      await this.#until(performance.now() - this.#startedAt + turn.thinkMs);
    }
  }

  #body(session: Session, messages: readonly Message[], seed: number): string {
    const { contextTokens } = this.#replay.workload;
    const options = { num_ctx: session.numCtx ?? contextTokens, seed };
    return JSON.stringify({ model: session.model.name, messages, format: ANSWER_SCHEMA, options, stream: true });
  }

  async #request(session: Session, id: string, body: string, expected: Expected): Promise<void> {
    const counted = this.#sent >= this.#warmUp;
    this.#sent += 1;
    if (this.#sent === this.#warmUp + 1) await this.#replay.counting();
    const listener = new Listener(this.#giveUp.signal);
    this.#agent(session.tenant).dispatch(
      {
        origin: this.#replay.origin,
        method: 'POST',
        path: '/api/chat',
        headers: {
          'content-type': 'application/json',
          'x-task-router-session': session.id,
          'x-task-router-category': session.category,
          'x-task-router-priority': session.priority,
        },
        body,
      },
      listener,
    );
    try {
      this.#heard.push({ id, counted, expected, answer: await listener.answer });
    } catch (error) {
      this.#heard.push({ id, counted, expected, answer: error instanceof Error ? error.message : String(error) });
    }
  }

  #agent(tenant: string): Agent {
    let agent = this.#agents.get(tenant);
    if (agent === undefined) {
      agent = new Agent({ localAddress: addressOf(tenant), headersTimeout: 0, bodyTimeout: 0 });
      this.#agents.set(tenant, agent);
    }
    return agent;
  }

  /** Waits for a time since the start, in ms, or until everything is given up. */
  #until(ms: number): Promise<void> {
    const { signal } = this.#giveUp;
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', over);
        resolve();
      };
      const timer = setTimeout(over, Math.max(0, ms - (performance.now() - this.#startedAt)));
      if (signal.aborted) over();
      else signal.addEventListener('abort', over, { once: true });
    });
  }
}

/** Replays a workload over real sockets, in the order and at the times of the simulator's driver. */
export const replay = async (what: Replay): Promise<readonly WireRecord[]> => {
  prepareAnswers(what.workload.sessions.flatMap(({ turns }) => turns.map(({ outputTokens }) => outputTokens)));
  return await new Run(what).all();
};
