/** What may go wrong on a server, and when. */

/**
 * - `refuse`: nobody listens. `blackhole`: connections are accepted and nothing is ever read. `reset`: RST.
 * - `cut`: the connection is closed (FIN). `half-close`: its sending half is, while the server goes on reading.
 * - `tls`: the connection below TLS is closed, without TLS's own goodbye.
 * - `hang`: silence without a byte of answer. `stall`: silence after some. `slow`: a pause, then the rest.
 * - `500`, `503`, `404`: whole answers. `error line`: an error inside a 200. `garbage`: bytes that are no answer.
 */
export const FAULTS = [
  'refuse',
  'blackhole',
  'reset',
  'cut',
  'half-close',
  'tls',
  'hang',
  'stall',
  'slow',
  '500',
  '503',
  '404',
  'error line',
  'garbage',
] as const;
export type Fault = (typeof FAULTS)[number];

/**
 * How far the answer has come: not even a connection, the request was read, the head is out, the first piece of the body
 * is out, all of it but the end of its framing is.
 */
export const PHASES = ['connect', 'head', 'first piece', 'mid-answer', 'last chunk'] as const;
export type Phase = (typeof PHASES)[number];

const ALL_BUT_CONNECT: readonly Phase[] = ['head', 'first piece', 'mid-answer', 'last chunk'];

/** The phases in which a fault has a meaning. */
export const PHASES_OF: Readonly<Record<Fault, readonly Phase[]>> = {
  refuse: ['connect'],
  blackhole: ['connect'],
  reset: PHASES,
  cut: PHASES,
  'half-close': ALL_BUT_CONNECT,
  tls: PHASES,
  hang: ['head'],
  stall: ['first piece', 'mid-answer', 'last chunk'],
  slow: ALL_BUT_CONNECT,
  '500': ['head'],
  '503': ['head'],
  '404': ['head'],
  'error line': ['first piece', 'mid-answer'],
  garbage: ALL_BUT_CONNECT,
};

/** What is asked for: the columns of the table. */
export const KINDS = ['stream', 'whole', 'model named', 'no model', 'upload'] as const;
export type Kind = (typeof KINDS)[number];

/** Whether a fault can happen to what is asked for: an error in a 200 is one only where a model was to answer. */
export const happensTo = (fault: Fault, phase: Phase, kind: Kind): boolean =>
  fault !== 'error line' || kind === 'stream' || (kind === 'whole' && phase === 'first piece');
