import { parseArgs } from 'node:util';
import type { CandidateView, ExplainAnswer } from '../results/decisions.ts';
import { AdminCallError, callAdmin, type AskIo, type Terminal } from './admin-client.ts';
import { ADMIN_OPTIONS, adminTarget, type AdminTarget } from './admin-flags.ts';
import { isExplainAnswer } from './answer-checks.ts';
import { nameOf, seconds, termsTable } from './terms-table.ts';
import { USAGE } from './usage.ts';
import { problemOf } from './usage-problem.ts';

interface Flags extends AdminTarget {
  readonly model: string;
  readonly prompt: string;
  readonly system: string | undefined;
  readonly json: boolean;
}

/** @throws {Error} with what is wrong in the command line; undefined = help was asked for */
const readFlags = (argv: readonly string[], env: AskIo['env']): Flags | undefined => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      ...ADMIN_OPTIONS,
      model: { type: 'string' },
      prompt: { type: 'string' },
      system: { type: 'string' },
    },
  });
  if (values.help) return undefined;
  const { model, prompt, system, json } = values;
  if (model === undefined || model === '') throw new Error('which model? Give --model');
  if (prompt === undefined) throw new Error('which prompt? Give --prompt');
  return { model, prompt, system, json, ...adminTarget(values, env) };
};

const about = (tokens: number): string => Math.round(tokens).toLocaleString('en-US');

/** The first sentence: who would answer, and when. */
const headline = ({ candidates, obstacles, wouldWait, understood }: ExplainAnswer): string => {
  const chosen = candidates.find((candidate) => candidate.chosen) ?? candidates[0];
  if (chosen === undefined) {
    return obstacles.length === 0
      ? `No server has ${understood.model}.`
      : `No server could take it now (${obstacles.length} cannot; see below).`;
  }
  const { firstTokenMs, waitMs } = chosen.predicted;
  const name = nameOf(chosen, candidates);
  const first = `first token in about ${seconds(firstTokenMs)} s`;
  const sooner = soonest(candidates);
  if (wouldWait) return `It would wait about ${seconds(waitMs)} s for ${name}: ${first}.`;
  if (sooner === undefined || isAsSoon(chosen, sooner)) return `${name} would answer first: ${first}.`;
  const other = `${nameOf(sooner, candidates)} alone would begin in ${seconds(sooner.predicted.firstTokenMs)} s`;
  return `${name} would answer: ${first}; ${other}, at a higher cost for the pool.`;
};

const firstOf = ({ predicted }: CandidateView): number => predicted.firstTokenMs ?? Infinity;

const soonest = (candidates: readonly CandidateView[]): CandidateView | undefined =>
  candidates.reduce<CandidateView | undefined>(
    (best, each) => (best === undefined || firstOf(each) < firstOf(best) ? each : best),
    undefined,
  );

/** A tenth of a second is where people begin to notice; less than that is no reason to explain anything. */
const NOTICED_MS = 100;

const isAsSoon = (a: CandidateView, b: CandidateView): boolean =>
  firstOf(a) === firstOf(b) || firstOf(a) - firstOf(b) < NOTICED_MS;

const understoodText = ({ strategy, understood, candidates }: ExplainAnswer): string => {
  const { model, category, categoryWhy, kind, promptTokens, outputTokens, outputLimit, shape } = understood;
  const context = shape.numCtx === undefined ? '' : `, num_ctx ${shape.numCtx}`;
  const options = shape.rest === '' ? '' : `, ${shape.rest}`;
  const limit = outputLimit === undefined ? '' : ` (${about(outputLimit)} at most)`;
  const output = kind === 'completion' ? `, ${about(outputTokens)} out${limit}` : '';
  const cached = Math.max(0, ...candidates.map(({ predicted }) => predicted.cachedTokens ?? 0));
  const remembered = cached < 1 ? '' : ` (up to ${about(cached)} of them remembered)`;
  const chosen = candidates.find((candidate) => candidate.chosen)?.model;
  const becomes = chosen === undefined || chosen === model ? '' : ` → ${chosen}`;
  return [
    `model      ${model}${becomes}${context}${options}`,
    `category   ${category}${categoryWhy === undefined ? '' : ` (${categoryWhy})`}`,
    `tokens     about ${about(promptTokens)} in${remembered}${output}`,
    `strategy   ${strategy}`,
    '',
  ].join('\n');
};

/** An answer to `explain` as text for a person. */
export const explainText = (answer: ExplainAnswer, terminal: Terminal | undefined): string => {
  const { candidates, obstacles } = answer;
  const table = candidates.length === 0 ? '' : `\n${termsTable(candidates, terminal)}`;
  const not = obstacles.map(({ backend, why }) => `  ${backend}: ${why}\n`).join('');
  return `${headline(answer)}\n\n${understoodText(answer)}${table}${not === '' ? '' : `\nnot asked:\n${not}`}`;
};

/**
 * `explain`: asks a running proxy to rank its servers for a prompt without sending it, and prints every term. Gives the
 * exit code: 0, 1 when the proxy cannot be asked or refuses, 2 for a wrong command line.
 */
export const explainCommand = async (argv: readonly string[], io: AskIo): Promise<number> => {
  let flags: Flags | undefined;
  try {
    flags = readFlags(argv, io.env);
  } catch (thrown) {
    io.err(`ollama-task-router explain: ${problemOf(thrown, 'explain')}\n\n${USAGE.explain}`);
    return 2;
  }
  if (flags === undefined) {
    io.out(USAGE.explain);
    return 0;
  }
  const { model, prompt, system, admin, token, json } = flags;
  const messages = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: prompt },
  ];
  try {
    const { text, value } = await callAdmin({
      admin,
      token,
      path: 'explain',
      body: { model, messages },
      accepts: isExplainAnswer,
      missing: `GET ${admin.replace(/\/+$/, '')}/admin/v1/models lists what there is`,
    });
    io.out(json ? `${text.trimEnd()}\n` : explainText(value, io.terminal));
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof AdminCallError)) throw thrown;
    io.err(`ollama-task-router explain: ${thrown.message}\n`);
    return 1;
  }
};
