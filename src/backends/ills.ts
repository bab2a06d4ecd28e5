/**
 * What is the matter with a server that seems well to those who only look at it, or with a model there.
 *
 * - `wedged-loading`: it loads no model any more, those in memory go on (ollama issue 17408).
 * - `gpu-lost`: it reads and writes many times slower than it did, or loads into main memory what was in video memory.
 * - `spill`: a model does not fit into its video memory.
 * - `hung-runner`: requests for a model hang, while the server answers.
 * - `dead-runner`: the runner of a model died; the server may go on listing it.
 * - `server-silent`: it takes connections and answers nothing.
 */
export type IllKind = 'wedged-loading' | 'gpu-lost' | 'spill' | 'hung-runner' | 'dead-runner' | 'server-silent';

/** One of them, for people. */
export interface Ill {
  readonly kind: IllKind;
  /** undefined = the server as a whole. */
  readonly model: string | undefined;
  /** When it was noticed, ISO 8601. */
  readonly since: string;
  /** What it was noticed by. */
  readonly evidence: string;
}
