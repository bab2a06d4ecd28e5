import { modelKey } from '../../core/model-name.ts';
import { seededRng } from '../../core/rng.ts';
import type { SimEnd, Timings } from '../model/job.ts';
import type { SimModel } from '../model/models.ts';
import { hash32 } from '../model/hash.ts';
import { generateText, prose, valueForSchema, type GeneratedText } from '../model/text.ts';
import { formatProblem, messageSegment, optionProblem, runnerOptions, type Ask } from './ask.ts';
import type { SimContext } from './context.ts';
import { RUNNER_DIED, RUNNER_GONE, type Exchange } from './exchange.ts';
import { isObject } from './go-fields.ts';

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
}

/** A token, or what several silent ones came to. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  | { readonly kind: 'tools'; readonly calls: readonly ToolCall[] };

/** The end of an answer, everything in it once more for those who do not stream. */
export interface Final {
  readonly reason: 'stop' | 'length';
  readonly text: string;
  readonly thinking: string;
  readonly calls: readonly ToolCall[];
  readonly pieces: readonly string[];
  readonly timings: Timings;
}

/** Writes an answer in one dialect. */
export interface AnswerSink {
  /** Before any piece. `late` = raised by the generation step, after the checks. */
  fail(status: number, message: string, late?: boolean): void;
  piece(piece: Piece): void;
  done(final: Final): void;
}

/** Ollama's text for a full scheduler queue, two blanks included (server/sched.go). */
export const BUSY = 'server busy, please try again.  maximum pending requests exceeded';

const THINK_LEVELS = new Set(['low', 'medium', 'high', 'max']);

const fullName = (name: string): string => {
  const key = modelKey(name);
  return key.includes('/') ? key : `registry.ollama.ai/library/${key}`;
};

/** Why this model cannot take this request, as [status, message]. */
const problem = (ask: Ask, model: SimModel): readonly [number, string] | undefined => {
  const able = new Set(model.capabilities);
  if (!able.has('completion')) return [400, `"${ask.model}" does not support ${ask.route}`];
  if (ask.tools.length > 0 && !able.has('tools')) return [400, `${fullName(ask.model)} does not support tools`];
  if (ask.suffix && !able.has('insert')) return [400, `${fullName(ask.model)} does not support insert`];
  if (typeof ask.think === 'string' && !THINK_LEVELS.has(ask.think)) {
    return [400, `invalid think value: "${ask.think}" (must be "high", "medium", "low", "max", true, or false)`];
  }
  const wantsThinking = ask.think === true || typeof ask.think === 'string';
  if (wantsThinking && !able.has('thinking') && !ask.thinkSoftly)
    return [400, `"${ask.model}" does not support thinking`];
  const option = optionProblem(ask.options);
  return option === undefined ? undefined : [500, option];
};

interface Plan {
  readonly thinking: readonly string[];
  readonly text: GeneratedText;
  readonly calls: readonly ToolCall[];
}

const toolCall = (ask: Ask, seed: number): readonly ToolCall[] => {
  const [first] = ask.tools;
  if (!ask.lastUser.includes('tool:') || !isObject(first)) return [];
  const described = isObject(first['function']) ? first['function'] : first;
  const { name } = described;
  if (typeof name !== 'string') return [];
  const rng = seededRng(hash32(ask.lastUser, seed));
  const schema = described['parameters'] ?? described['input_schema'] ?? { type: 'object' };
  const id = `call_${hash32(ask.lastUser, seed ^ 0x5bd1e995)
    .toString(36)
    .padStart(8, '0')}`;
  return [{ id, name, arguments: valueForSchema(schema, rng) }];
};

const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

/** Decides all of the answer beforehand; the machine only decides when each token comes. */
const planAnswer = (context: SimContext, ask: Ask, model: SimModel): Plan => {
  const prompt = ask.prompt.map((segment) => segment.text).join('');
  const seed = number(ask.options['seed']) ?? context.seed;
  const stop = ask.options['stop'];
  const text = generateText({
    prompt,
    seed,
    length: context.outputTokens,
    limit: number(ask.options['num_predict']),
    stop: Array.isArray(stop) ? stop.filter((word) => typeof word === 'string') : [],
    format: ask.format === '' ? undefined : ask.format,
  });
  const calls = toolCall(ask, seed);
  if (!model.capabilities.includes('thinking') || ask.think === false) return { text, calls, thinking: [] };
  const limit = number(ask.options['num_predict']) ?? 0;
  const budget = limit > 0 ? limit : Number.POSITIVE_INFINITY;
  // Thoughts count against the limit, so a small one may leave nothing to say.
  const rng = seededRng(hash32(prompt, seed + 1));
  const thinking = prose(Math.min(budget, Math.ceil(text.pieces.length / 2)), rng);
  const pieces = text.pieces.slice(0, budget - thinking.length);
  const reason = pieces.length < text.pieces.length ? 'length' : text.reason;
  return { text: { pieces, reason }, calls, thinking };
};

/** Runs a request to its end: checks, queue, load, tokens; the sink is told as things happen. */
export const runAsk = (context: SimContext, exchange: Exchange, ask: Ask, model: SimModel, sink: AnswerSink): void => {
  const refused = problem(ask, model);
  if (refused !== undefined) {
    sink.fail(...refused);
    return;
  }
  const badFormat = formatProblem(ask.format);
  if (badFormat !== undefined) {
    sink.fail(500, badFormat, true);
    return;
  }
  const plan = planAnswer(context, ask, model);
  const spoken = plan.calls.length > 0 ? [] : plan.text.pieces;
  const silent = plan.calls.length > 0 ? plan.text.pieces.length : 0;
  const thinking = plan.thinking.length;
  const whole = spoken.join('');
  const answer = {
    role: 'assistant',
    content: whole,
    images: [],
    extra: plan.calls.length > 0 ? JSON.stringify(plan.calls) : '',
  };
  const tell = (index: number): void => {
    const thought = plan.thinking[index];
    if (thought !== undefined) sink.piece({ kind: 'thinking', text: thought });
    const word = spoken[index - thinking];
    if (word !== undefined) sink.piece({ kind: 'text', text: word });
    if (silent > 0 && index === thinking + silent - 1) sink.piece({ kind: 'tools', calls: plan.calls });
  };
  const ended = (end: SimEnd): void => {
    if (end.kind === 'busy') sink.fail(503, BUSY);
    if (end.kind !== 'done') return;
    sink.done({
      reason: plan.calls.length > 0 ? 'stop' : plan.text.reason,
      text: whole,
      thinking: plan.thinking.join(''),
      calls: plan.calls,
      pieces: spoken,
      timings: end.timings,
    });
  };
  submit(context, exchange, ask, model, {
    kind: 'completion',
    outputTokens: thinking + spoken.length + silent,
    answer: messageSegment(answer),
    token: ask.stream ? tell : undefined,
    ended,
  });
};

/** Brings the model in without running anything. */
export const runLoad = (
  context: SimContext,
  exchange: Exchange,
  ask: Pick<Ask, 'options' | 'keepAliveMs'>,
  model: SimModel,
  ended: (end: SimEnd) => void,
): void => {
  submit(context, exchange, { ...ask, prompt: [] }, model, { kind: 'load', outputTokens: 0, ended });
};

interface Submission {
  readonly kind: 'completion' | 'embedding' | 'load';
  readonly outputTokens: number;
  readonly answer?: ReturnType<typeof messageSegment>;
  readonly token?: ((index: number) => void) | undefined;
  readonly ended: (end: SimEnd) => void;
}

/** Hands a request to the machine and ties it to its connection: whoever leaves gives up the place. */
export const submit = (
  context: SimContext,
  exchange: Exchange,
  ask: Pick<Ask, 'options' | 'keepAliveMs' | 'prompt'>,
  model: SimModel,
  submission: Submission,
): void => {
  const { answer, token, ended } = submission;
  const slowness = exchange.fault?.kind === 'slow' ? exchange.fault.factor : 1;
  const ticket = context.machine.submit(
    {
      model,
      kind: submission.kind,
      prompt: ask.prompt,
      outputTokens: submission.outputTokens,
      ...(answer === undefined ? {} : { answer }),
      options: runnerOptions(ask.options),
      ...(ask.keepAliveMs === undefined ? {} : { keepAliveMs: ask.keepAliveMs / context.timeScale }),
      slowness,
    },
    {
      ...(token === undefined
        ? {}
        : {
            token(index: number): void {
              token(index);
              if (exchange.broken) ticket.cancel();
            },
          }),
      end(end): void {
        if (end.kind === 'died') exchange.die(end.waiting ? RUNNER_GONE : RUNNER_DIED);
        else ended(end);
      },
    },
  );
  exchange.whenGone(() => ticket.cancel());
};
