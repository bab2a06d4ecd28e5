import { parseArgs } from 'node:util';
import type { CandidateView, DecisionView, WhyAnswer } from '../results/decisions.ts';
import { AdminCallError, callAdmin, type AskIo, type Terminal } from './admin-client.ts';
import { ADMIN_OPTIONS, adminTarget, type AdminTarget } from './admin-flags.ts';
import { isWhyAnswer } from './answer-checks.ts';
import { seconds, termsTable } from './terms-table.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

interface Flags extends AdminTarget {
  readonly id: string;
  readonly json: boolean;
}

/** @throws {Error} with what is wrong in the command line; undefined = help was asked for */
const readFlags = (argv: readonly string[], env: AskIo['env']): Flags | undefined => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: ADMIN_OPTIONS,
    allowPositionals: true,
  });
  if (values.help) return undefined;
  const [id] = positionals;
  if (id === undefined || id === '') throw new Error('which request? Give the x-request-id of its answer');
  if (positionals.length > 1) throw new Error(`one request at a time, not ${positionals.length}`);
  return { id, json: values.json, ...adminTarget(values, env) };
};

type Tries = NonNullable<WhyAnswer['attempts']>;

const chosenOf = (decided: DecisionView | undefined): CandidateView | undefined =>
  decided?.attempts.at(-1)?.candidates.find(({ chosen }) => chosen);

/** The first sentence: who answered and when, against what was foreseen. */
const headline = ({ outcome, attempts, firstByteMs, error, status, decided }: WhyAnswer): string => {
  const backend = attempts?.at(-1)?.backend;
  if (outcome === undefined) {
    const chosen = chosenOf(decided);
    return chosen === undefined ? 'Still running.' : `Still running; chosen is ${chosen.backend}.`;
  }
  if (outcome !== 'served' || backend === undefined) {
    const code = error === undefined ? '' : ` (${error})`;
    return `${backend === undefined ? 'No server was asked' : `Not served; the last one asked was ${backend}`}: ${outcome}, status ${status ?? '?'}${code}.`;
  }
  const first = decided?.attempts.at(-1)?.atFirst;
  const foreseen = first === undefined || first === null ? '' : `, foreseen ${seconds(first.firstTokenMs)} s`;
  return `${backend} answered: first token after ${seconds(firstByteMs)} s${foreseen}.`;
};

const factsText = (answer: WhyAnswer): string => {
  const { id, time, method, path, model, category, categoryWhy, strategy, decided } = answer;
  const { attempts = [] } = decided ?? {};
  const times = attempts.reduce((total, { decisions }) => total + decisions, 0);
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['request', `${id}${time === undefined ? '' : `, ${time}`}`],
    ['call', method === undefined ? undefined : `${method} ${path ?? ''}`],
    ['model', modelText(model ?? decided?.model, answer.attempts?.at(-1)?.model)],
    ['category', withReason(category ?? decided?.category, categoryWhy)],
    ['strategy', strategy ?? decided?.strategy],
    [
      'decided',
      times > attempts.length
        ? `${times} times: it waited, and each time a slot came free it was ranked anew`
        : undefined,
    ],
  ];
  return lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(11)}${value}\n`])).join('');
};

/** What was asked for, and what a name of the configuration became. */
const modelText = (asked: string | undefined, sent: string | undefined): string | undefined =>
  asked === undefined || sent === undefined || sent === asked ? asked : `${asked} → ${sent}`;

const withReason = (value: string | undefined, why: string | undefined): string | undefined =>
  value === undefined || why === undefined ? value : `${value} (${why})`;

/** Time that failed attempts took before the last one, in ms. */
const lostMs = (tries: Tries): number => tries.slice(0, -1).reduce((total, { outcome }) => total + outcome.totalMs, 0);

/** Foreseen and observed beside each other, in seconds; '' while there is nothing to compare. */
const comparison = ({ attempts = [], parallel, decided }: WhyAnswer): string => {
  const observed = decided?.observed;
  const last = decided?.attempts.at(-1);
  const chosen = chosenOf(decided);
  if (observed === undefined || observed === null || last === undefined || chosen === undefined) return '';
  const { predicted } = chosen;
  const waited = last.decisions > 1 && last.atFirst !== null;
  const lost = parallel === true ? 0 : lostMs(attempts);
  const rows: readonly (readonly [string, string, string, string])[] = [
    ['', waited ? 'at first' : '', 'foreseen', 'observed'],
    ...(lost > 0 ? [['failed attempts', '', '', seconds(lost)] as const] : []),
    ['wait', seconds(last.atFirst?.waitMs), seconds(predicted.waitMs), seconds(observed.queueMs)],
    ['load', '', seconds(predicted.loadMs), seconds(observed.loadMs)],
    ['prefill', '', seconds(predicted.prefillMs), seconds(observed.prefillMs)],
    [
      'first token',
      seconds(last.atFirst?.firstTokenMs),
      seconds(predicted.firstTokenMs),
      seconds(observed.firstByteMs),
    ],
    ['decode', '', seconds(predicted.decodeMs), seconds(observed.decodeMs)],
    ['total', seconds(last.atFirst?.totalMs), seconds(predicted.totalMs), seconds(observed.totalMs)],
    ['tokens cached', '', tokens(predicted.cachedTokens), tokens(observed.cachedTokens)],
    ['tokens out', '', tokens(last.outputTokens), tokens(observed.outputTokens)],
  ];
  const text = rows.map(([name, first, foreseen, seen], i) => {
    const middle = waited ? first.padStart(10) : '';
    return `${(i === 0 ? 'seconds' : name).padEnd(16)}${middle}${foreseen.padStart(10)}${seen.padStart(10)}\n`;
  });
  return `\n${text.join('')}`;
};

const tokens = (count: number | null | undefined): string =>
  count === null || count === undefined ? '?' : String(Math.round(count));

const tryText = ({ backend, model, why, outcome }: Tries[number], number: number): string => {
  const said = outcome.kind === 'backend-failed' ? `: ${outcome.message}` : '';
  return `${number}. ${backend}, ${model}: ${outcome.kind} after ${seconds(outcome.totalMs)} s${said}\n   chosen because: ${why}\n`;
};

/** What came of each attempt, and how each was decided; the two lists are of one length unless the record is partial. */
const attemptsText = ({ attempts = [], parallel, decided }: WhyAnswer, terminal: Terminal | undefined): string => {
  const parts: string[] = [];
  if (attempts.length > 0) {
    parts.push(
      `\nattempts${parallel === true ? ', side by side' : ''}:\n${attempts.map((each, i) => tryText(each, i + 1)).join('')}`,
    );
  }
  for (const { attempt, candidates, leftOut } of decided?.attempts ?? []) {
    const more = leftOut === 0 ? '' : `${leftOut} dearer candidates were not kept\n`;
    parts.push(`\ncandidates of attempt ${attempt}, best first:\n${termsTable(candidates, terminal)}${more}`);
  }
  return parts.join('');
};

/** An answer to `why` as text for a person. */
export const whyText = (answer: WhyAnswer, terminal: Terminal | undefined): string =>
  `${headline(answer)}\n\n${factsText(answer)}${comparison(answer)}${attemptsText(answer, terminal)}`;

/**
 * `why`: the recorded decision of a past request, what was foreseen beside what came of it. Gives the exit code: 0, 1
 * when the proxy cannot be asked or does not know the request, 2 for a wrong command line.
 */
export const whyCommand = async (argv: readonly string[], io: AskIo): Promise<number> => {
  let flags: Flags | undefined;
  try {
    flags = readFlags(argv, io.env);
  } catch (thrown) {
    io.err(`ollama-task-router why: ${problemOf(thrown, 'why')}\n\n${USAGE.why}`);
    return 2;
  }
  if (flags === undefined) {
    io.out(USAGE.why);
    return 0;
  }
  const { id, admin, token, json } = flags;
  try {
    const { text, value } = await callAdmin({
      admin,
      token,
      path: `decisions/${encodeURIComponent(id)}`,
      accepts: isWhyAnswer,
      missing:
        'only the last 1,000 requests since the start of the proxy are kept; the id is the x-request-id of the answer',
    });
    io.out(json ? `${text.trimEnd()}\n` : whyText(value, io.terminal));
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof AdminCallError)) throw thrown;
    io.err(`ollama-task-router why: ${thrown.message}\n`);
    return 1;
  }
};
