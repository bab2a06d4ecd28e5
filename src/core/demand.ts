/**
 * The options that belong to a loaded runner (`Runner` in Ollama's api/types.go): a request that asks for other ones
 * than the runner in memory has makes the server load the model again.
 */
export interface RunnerShape {
  /** Tokens of context; undefined = whatever the server takes by default. */
  readonly numCtx: number | undefined;
  /** The others as `name=value`, sorted by name and joined by commas; '' where the request names none. */
  readonly rest: string;
}

export const DEFAULT_SHAPE: RunnerShape = { numCtx: undefined, rest: '' };

/** The end of a piece of the prompt, with a keyed hash over everything up to there: equal hash, equal beginning. */
export interface PrefixMark {
  /** A whole number of 53 bits. */
  readonly hash: number;
  /** Bytes of prompt text up to here. */
  readonly bytes: number;
}

/** What a request asks of a server, in quantities and without a word of its text. The same for whichever model. */
export interface Demand {
  /** `load` only brings the model into memory; `embedding` writes nothing. */
  readonly kind: 'completion' | 'embedding' | 'load';
  readonly shape: RunnerShape;
  /** Bytes of prompt text as they stand in the body; an image counts as `IMAGE_BYTES`. */
  readonly promptBytes: number;
  /** The most tokens that the client wants back; undefined = as many as the model likes. */
  readonly outputLimit: number | undefined;
  /** Shortest first; the last one covers the whole prompt. Empty where nothing can be reused. */
  readonly marks: readonly PrefixMark[];
  /** Whose requests these are like in the length of their answers: a hash of the system prompt, else the category. */
  readonly app: string;
  /** How long the model is to stay in memory after it, in ms as the client says: 0 = it goes, Infinity = for good. */
  readonly keepAliveMs?: number | undefined;
}

/** An image in bytes of text: about 256 tokens at four bytes each, whatever its size. */
export const IMAGE_BYTES = 1024;

/** A request of which nothing is known but that it runs a model. */
export const NO_DEMAND: Demand = {
  kind: 'completion',
  shape: DEFAULT_SHAPE,
  promptBytes: 0,
  outputLimit: undefined,
  marks: [],
  app: '',
};
