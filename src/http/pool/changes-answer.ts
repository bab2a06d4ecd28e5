import { ProxyError } from '../../core/errors.ts';
import type { HeldAnswer } from '../../forward/attempt.ts';
import type { PartEnd } from '../../forward/part.ts';
import type { Exchange } from '../exchange.ts';
import { failureError } from '../failover.ts';
import type { ChangeOutcome } from './changes-report.ts';
import type { PartResult } from './fanout.ts';
import type { MergedAnswer } from './fanout-stream.ts';
import { goJson } from './go-json.ts';
import { failureText, partialText, type FailedPart } from './progress.ts';

/** What a client is told of its change, and what the change came to. */
export interface ChangeAnswer {
  readonly outcome: ChangeOutcome;
  /** The ends that the answer speaks of. */
  readonly decides: (end: PartEnd) => boolean;
  /** Writes it. @throws ProxyError when no server said a word that could be handed on */
  readonly send: () => void;
}

type Refusal = PartResult & { readonly end: Extract<PartEnd, { readonly kind: 'refused' }> };
type Failed = PartResult & { readonly end: Exclude<PartEnd, { readonly kind: 'done' }> };

const isFailed = (result: PartResult): result is Failed => result.end.kind !== 'done';
const isRefusal = (result: PartResult): result is Refusal => result.end.kind === 'refused';
const isDone = (end: PartEnd): boolean => end.kind === 'done';
const isNotDone = (end: PartEnd): boolean => end.kind !== 'done';

const errorOf = ({ backend, end }: Failed): FailedPart => ({
  part: backend,
  error: end.kind === 'left' ? 'the client left' : end.error,
});

/** Hands on what a server said, as it said it. */
const sendHeld = ({ res, ownHeaders }: Exchange, answer: HeldAnswer): void => {
  res.writeHead(answer.status, [...answer.headers, ...ownHeaders()]);
  res.end(answer.body);
};

/** Ollama's JSON on routes with progress names no charset, on the others it does. */
const sendJson = (
  { res, ownHeaders }: Exchange,
  status: number,
  type: string,
  value: object,
  ...more: readonly string[]
): void => {
  const body = Buffer.from(goJson(value));
  res.writeHead(status, ['content-type', type, 'content-length', String(body.length), ...ownHeaders(), ...more]);
  res.end(body);
};

/** An error that several servers have a share in. */
const sendFailure = (exchange: Exchange, status: number, type: string, error: string): void => {
  exchange.error = 'backend_failed';
  sendJson(exchange, status, type, { error }, 'x-task-router-error', 'backend_failed');
};

const sameAnswer = (a: HeldAnswer, b: HeldAnswer): boolean => a.status === b.status && a.body.equals(b.body);

/** None succeeded: their own word where they agree, else one that names each. At least one result. */
const sendNoneDone = (exchange: Exchange, failed: readonly Failed[], type: string): void => {
  const refusals = failed.filter(isRefusal);
  const [first] = refusals;
  if (first === undefined) throw noWord(failed);
  const agreed =
    refusals.length === failed.length && refusals.every(({ end }) => sameAnswer(end.answer, first.end.answer));
  if (agreed) sendHeld(exchange, first.end.answer);
  else sendFailure(exchange, first.end.answer.status, type, failureText(failed.map(errorOf)));
};

const noWord = (failed: readonly Failed[]): ProxyError => {
  const [only] = failed;
  if (failed.length === 1 && only?.end.kind === 'failed') return failureError(only.backend, only.end.failure, 1);
  return new ProxyError('backend_failed', `every server failed: ${failureText(failed.map(errorOf))}`);
};

const noneDoneOutcome = (failed: readonly Failed[]): ChangeOutcome =>
  failed.every((result) => isRefusal(result) && result.end.answer.status < 500) ? 'refused' : 'failed';

/**
 * The answer to a change with progress (pull, push, create): success when any server succeeded, and a word about those
 * that did not; when none did, the shape that Ollama gives to such a failure.
 * @param merged the stream that the client asked for; undefined = it wants one JSON object
 */
export const progressAnswer = (
  exchange: Exchange,
  merged: MergedAnswer | undefined,
  results: readonly PartResult[],
): ChangeAnswer => {
  const failed = results.filter(isFailed);
  const done = results.filter(({ end }) => end.kind === 'done');
  const type = 'application/json';
  // A server that answers in one piece where a stream was asked for is handed on like that.
  const streamed = results.some(
    ({ end }) =>
      (end.kind === 'done' && end.answer === undefined) ||
      (end.kind === 'failed' && end.failure.reason === 'error-line'),
  );
  const stream = merged !== undefined && (exchange.res.headersSent || streamed) ? merged : undefined;
  const [first] = done;
  if (first !== undefined) {
    const names = done.map(({ backend }) => backend);
    return {
      outcome: failed.length === 0 ? 'done' : 'partial',
      decides: isDone,
      send: () => {
        if (stream !== undefined) stream.finish(false);
        else if (failed.length === 0 && first.end.kind === 'done' && first.end.answer !== undefined) {
          sendHeld(exchange, first.end.answer);
        } else {
          const warning = failed.length === 0 ? {} : { warning: partialText('done', names, failed.map(errorOf)) };
          sendJson(exchange, 200, type, { status: 'success', ...warning });
        }
      },
    };
  }
  return {
    outcome: noneDoneOutcome(failed),
    decides: isNotDone,
    send: () => {
      if (stream === undefined) sendNoneDone(exchange, failed, type);
      // A server's own last word ends a stream as a server would; a death must not look like an end.
      else stream.finish(!failed.some(({ end }) => end.kind === 'refused' || isErrorLine(end)));
    },
  };
};

const isErrorLine = (end: PartEnd): boolean => end.kind === 'failed' && end.failure.reason === 'error-line';

/** A holder that could not be asked, and why. */
export interface Unreachable {
  readonly backend: string;
  readonly why: string;
}

/**
 * The answer to a change that must reach every holder (delete, copy, unload): done when all that have the model have
 * done it. A server that says 404 has no longer what the others have, so it stands in nobody's way.
 * @param verb what was done, `deleted`
 */
export const everywhereAnswer = (
  exchange: Exchange,
  results: readonly PartResult[],
  unreachable: readonly Unreachable[],
  verb: string,
): ChangeAnswer => {
  const type = 'application/json; charset=utf-8';
  const missing = results.filter((result) => isRefusal(result) && result.end.answer.status === 404);
  const failed = results.filter((result): result is Failed => isFailed(result) && !missing.includes(result));
  const done = results.filter(({ end }) => end.kind === 'done');
  const problems = [...failed.map(errorOf), ...unreachable.map(({ backend, why }) => ({ part: backend, error: why }))];
  const [first] = done;
  if (first !== undefined && problems.length === 0) {
    const { end } = first;
    const send = (): void => {
      if (end.kind === 'done' && end.answer !== undefined) sendHeld(exchange, end.answer);
      else sendJson(exchange, 200, type, {});
    };
    return { outcome: 'done', decides: isDone, send };
  }
  if (first !== undefined) {
    const text = partialText(
      verb,
      done.map(({ backend }) => backend),
      problems,
    );
    return { outcome: 'partial', decides: isNotDone, send: () => sendFailure(exchange, 500, type, text) };
  }
  if (unreachable.length === 0) {
    const asked = failed.length > 0 ? failed : results.filter(isFailed);
    return { outcome: noneDoneOutcome(asked), decides: isNotDone, send: () => sendNoneDone(exchange, asked, type) };
  }
  const send = (): void => sendFailure(exchange, 500, type, `not ${verb} on ${problems.map(named).join(', ')}`);
  return { outcome: 'failed', decides: isNotDone, send };
};

const named = ({ part, error }: FailedPart): string => `${part} (${error})`;
