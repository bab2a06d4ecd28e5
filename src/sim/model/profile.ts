/** One machine: how fast it reads, writes and loads, and how much it can hold. */
export interface MachineProfile {
  readonly name: string;
  /** Tokens per second that prefill reads with a model of `REFERENCE_BYTES`, alone on the machine. */
  readonly prefillPerSecond: number;
  /** Tokens per second that decode writes with a model of `REFERENCE_BYTES`, alone on the machine. */
  readonly decodePerSecond: number;
  /** ms that every load takes before the first byte. */
  readonly loadBaseMs: number;
  readonly loadBytesPerSecond: number;
  /** Bytes for weights and context; video memory, or main memory where there is no GPU. */
  readonly memoryBytes: number;
  readonly gpu: boolean;
  /** Each further busy request on the machine adds this share to everybody's time: 1 + c·(k − 1). */
  readonly companySlowdown: number;
}

/** Speeds of a profile hold for weights of this size (an 8 B model at 4 bits); others scale with the bytes to be read. */
export const REFERENCE_BYTES = 5e9;

const GIB = 2 ** 30;

export type ProfileName = 'fast-gpu' | 'slow-gpu' | 'cpu';

/** Three machines as people have them: a recent 24 GiB card, an older 16 GiB one, and a server without any. */
export const profiles: Readonly<Record<ProfileName, MachineProfile>> = {
  'fast-gpu': {
    name: 'fast-gpu',
    prefillPerSecond: 5000,
    decodePerSecond: 100,
    loadBaseMs: 1500,
    loadBytesPerSecond: 2e9,
    memoryBytes: 24 * GIB,
    gpu: true,
    companySlowdown: 0.5,
  },
  'slow-gpu': {
    name: 'slow-gpu',
    prefillPerSecond: 2200,
    decodePerSecond: 50,
    loadBaseMs: 2000,
    loadBytesPerSecond: 1.2e9,
    memoryBytes: 16 * GIB,
    gpu: true,
    companySlowdown: 0.5,
  },
  cpu: {
    name: 'cpu',
    prefillPerSecond: 120,
    decodePerSecond: 9,
    loadBaseMs: 1000,
    loadBytesPerSecond: 1.5e9,
    memoryBytes: 32 * GIB,
    gpu: false,
    companySlowdown: 0.5,
  },
};

export const isProfileName = (name: string): name is ProfileName => Object.hasOwn(profiles, name);

/** How much faster (> 1) or slower than the profile's figures weights of this size run; small ones gain up to 8-fold. */
const sizeFactor = (bytes: number): number => Math.min(8, REFERENCE_BYTES / bytes);

/** ms that one prompt token takes alone on the machine. */
export const prefillMsPerToken = (profile: MachineProfile, bytes: number): number =>
  1000 / (profile.prefillPerSecond * sizeFactor(bytes));

/** ms that one output token takes alone on the machine. */
export const decodeMsPerToken = (profile: MachineProfile, bytes: number): number =>
  1000 / (profile.decodePerSecond * sizeFactor(bytes));

/** ms that a load takes: a fixed part and the bytes. */
export const loadMs = (profile: MachineProfile, bytes: number): number =>
  profile.loadBaseMs + (bytes / profile.loadBytesPerSecond) * 1000;

/**
 * The context length that Ollama picks when nobody asks for one: by total video memory, 262144 from 47 GiB, 32768 from
 * 23 GiB, else 4096 (server/routes.go at v0.33).
 */
export const automaticContext = (profile: MachineProfile): number => {
  if (!profile.gpu) return 4096;
  if (profile.memoryBytes >= 47 * GIB) return 262_144;
  return profile.memoryBytes >= 23 * GIB ? 32_768 : 4096;
};
