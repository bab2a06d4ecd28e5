import { modelKey } from '../../core/model-name.ts';
import { fakeDigest } from './hash.ts';

export type Capability = 'completion' | 'tools' | 'insert' | 'vision' | 'embedding' | 'thinking';

/** An installed model, as far as anybody outside can tell. */
export interface SimModel {
  /** The name as listed, tag included. */
  readonly name: string;
  /** Bytes of the weights. */
  readonly size: number;
  /** Hex digest of the manifest. */
  readonly digest: string;
  /** Identity of the weights: models that share it share one runner. */
  readonly weights: string;
  readonly family: string;
  /** As Ollama prints it: `3.2B`. */
  readonly parameterSize: string;
  readonly quantization: string;
  /** Tokens the model was trained for. */
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly blocks: number;
  readonly capabilities: readonly Capability[];
  /** Tokens, undefined = full attention. */
  readonly slidingWindow: number | undefined;
  readonly system: string;
  /** Stop words that come with the model. */
  readonly stops: readonly string[];
  /** Made on this server from other weights: listed with a parent. */
  readonly parent: string;
  /** Wall time in ms. */
  readonly modifiedAt: number;
}

type Known = Pick<SimModel, 'size' | 'family' | 'parameterSize' | 'contextLength' | 'embeddingLength' | 'blocks'> & {
  readonly capabilities: readonly Capability[];
  readonly quantization?: string;
  readonly slidingWindow?: number;
};

const text: readonly Capability[] = ['completion', 'tools'];

/** What can be pulled. Sizes and shapes are those of the public models of the same name. */
const catalogue: Readonly<Record<string, Known>> = {
  'llama3.2:3b': known(2.02e9, 'llama', '3.2B', 131_072, 3072, 28, text),
  'llama3.2:1b': known(1.32e9, 'llama', '1.2B', 131_072, 2048, 16, text),
  'llama3.2:latest': known(2.02e9, 'llama', '3.2B', 131_072, 3072, 28, text),
  'llama3.1:8b': known(4.92e9, 'llama', '8.0B', 131_072, 4096, 32, text),
  'mistral:7b': known(4.37e9, 'llama', '7.2B', 32_768, 4096, 32, text),
  'qwen2.5-coder:7b': known(4.68e9, 'qwen2', '7.6B', 32_768, 3584, 28, ['completion', 'tools', 'insert']),
  'qwen2.5-coder:1.5b': known(0.99e9, 'qwen2', '1.5B', 32_768, 1536, 28, ['completion', 'tools', 'insert']),
  'qwen3:8b': known(5.23e9, 'qwen3', '8.2B', 40_960, 4096, 36, ['completion', 'tools', 'thinking']),
  'gemma3:4b': { ...known(3.34e9, 'gemma3', '4.3B', 131_072, 2560, 34, ['completion', 'vision']), slidingWindow: 1024 },
  'nomic-embed-text:latest': {
    ...known(0.27e9, 'nomic-bert', '137M', 2048, 768, 12, ['embedding']),
    quantization: 'F16',
  },
  'all-minilm:latest': { ...known(0.046e9, 'bert', '23M', 512, 384, 6, ['embedding']), quantization: 'F16' },
};

/** A small chat model, a coder, a thinking one, one with vision and a sliding window, and an embedder. */
export const DEFAULT_MODELS: readonly string[] = [
  'llama3.2:3b',
  'qwen2.5-coder:7b',
  'qwen3:8b',
  'gemma3:4b',
  'nomic-embed-text:latest',
];

function known(
  size: number,
  family: string,
  parameterSize: string,
  contextLength: number,
  embeddingLength: number,
  blocks: number,
  capabilities: readonly Capability[],
): Known {
  return { size, family, parameterSize, contextLength, embeddingLength, blocks, capabilities };
}

export const isKnownModel = (name: string): boolean => Object.hasOwn(catalogue, modelKey(name));

/** Weights for a name that the catalogue lacks: as big as its tag says (`:13b`, `:270m`), 3 B if it says nothing. */
const guess = (key: string): Known => {
  const match = /(\d+(?:\.\d+)?)([bm])(?![a-z])/.exec(key.slice(key.lastIndexOf(':')));
  const billions = match === null ? 3 : Number(match[1]) / (match[2] === 'm' ? 1000 : 1);
  const size = Math.max(5e7, billions * 6e8);
  const label = billions < 1 ? `${(billions * 1000).toFixed(2)}M` : `${billions.toFixed(1)}B`;
  if (/embed|minilm|bge/.test(key)) return known(size, 'bert', label, 2048, 768, 12, ['embedding']);
  const chat = { ...known(size, 'llama', label, 32_768, 2048, 16, text) };
  if (!key.startsWith('gemma')) return chat;
  return { ...chat, family: 'gemma3', capabilities: ['completion'], slidingWindow: 512 };
};

const STOPS: Readonly<Record<string, readonly string[]>> = {
  gemma3: ['<end_of_turn>'],
  qwen2: ['<|im_end|>'],
  qwen3: ['<|im_start|>', '<|im_end|>'],
};

const FIRST_INSTALL = Date.UTC(2026, 0, 5, 9, 30);

/**
 * A freshly installed model. Names outside the catalogue are allowed and get plausible figures, the same everywhere.
 * `order` (≥ 0) only separates the times of installation, which is what lists are sorted by.
 */
export const installModel = (name: string, order: number): SimModel => {
  const key = modelKey(name);
  const facts = catalogue[key] ?? guess(key);
  return {
    name: key,
    digest: fakeDigest(`manifest ${key}`),
    weights: fakeDigest(`weights ${key}`),
    quantization: 'Q4_K_M',
    slidingWindow: undefined,
    system: '',
    stops: STOPS[facts.family] ?? [],
    parent: '',
    modifiedAt: FIRST_INSTALL - order * 3_600_000,
    ...facts,
  };
};

const SINGLE_SLOT_FAMILIES = new Set([
  'mllama',
  'qwen3vl',
  'qwen3vlmoe',
  'qwen35',
  'qwen35moe',
  'qwen3next',
  'lfm2',
  'lfm2moe',
]);

/** Slots that a runner of this model really gets: embedders and some families run one at a time (server/sched.go). */
export const slotsFor = (model: SimModel, configured: number): number =>
  !model.capabilities.includes('completion') || SINGLE_SLOT_FAMILIES.has(model.family) ? 1 : configured;

/** Bytes of context memory per token and slot: 128 KiB for an 8 B model, in proportion to the weights otherwise. */
export const contextBytesPerToken = (model: SimModel): number => (model.size / 5e9) * 131_072;
