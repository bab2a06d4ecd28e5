import type { ZSTDDecoder } from 'zstddec';

/** Thrown for bytes that are no whole zstd stream, or that would become too much. */
export class ZstdError extends Error {
  override readonly name = 'ZstdError';
  /** The stream would go past the limit; it may be sound otherwise. */
  readonly tooLarge: boolean;

  constructor(message: string, tooLarge = false) {
    super(message);
    this.tooLarge = tooLarge;
  }
}

const MAGIC = 0xfd2fb528;
/** Sixteen magic numbers mark frames of other data, which decoders skip. */
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What encoders ask for up to their highest ordinary level; only `--ultra` and `--long` want more. */
const MAX_WINDOW_BYTES = 32 * 1024 * 1024;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

const truncated = (): ZstdError => new ZstdError('unexpected EOF');

/** Reads a header of one frame. @returns where its first block begins, its window in bytes, whether a checksum ends it */
const readHeader = (bytes: Buffer, at: number): { blocks: number; window: number; checksum: boolean } => {
  const descriptor = bytes[at + 4];
  if (descriptor === undefined) throw truncated();
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionary = DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  const sizeFlag = (descriptor >> 6) as 0 | 1 | 2 | 3;
  const sizeBytes = sizeFlag === 0 && singleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag];
  const sizeAt = at + 5 + (singleSegment ? 0 : 1) + dictionary;
  const blocks = sizeAt + sizeBytes;
  if (blocks > bytes.length) throw truncated();
  let window: number;
  if (singleSegment) {
    window = sizeBytes === 8 ? Number(bytes.readBigUInt64LE(sizeAt)) : bytes.readUIntLE(sizeAt, sizeBytes);
    if (sizeBytes === 2) window += 256;
  } else {
    const exponent = (bytes[at + 5] ?? 0) >> 3;
    const base = 2 ** (10 + exponent);
    window = base + (base / 8) * ((bytes[at + 5] ?? 0) & 7);
  }
  return { blocks, window, checksum: (descriptor & 4) !== 0 };
};

/** What a walk over blocks tells without decoding them. */
interface Walk {
  /** Where it ended. */
  readonly at: number;
  /** Bytes that come out for certain: the raw and the run-length blocks. */
  readonly least: number;
  /** Something comes out. */
  readonly some: boolean;
}

/** Walks over one frame's blocks without decoding. */
const skipBlocks = (bytes: Buffer, from: number, checksum: boolean): Walk => {
  let at = from;
  let least = 0;
  let some = false;
  for (;;) {
    if (at + 3 > bytes.length) throw truncated();
    const header = bytes.readUIntLE(at, 3);
    const kind = (header >> 1) & 3;
    const size = header >> 3;
    if (kind < 2) least += size;
    some ||= size > 0;
    // A run-length block holds one byte, however long its content.
    at += 3 + (kind === 1 ? 1 : size);
    if ((header & 1) !== 0) break;
  }
  at += checksum ? 4 : 0;
  if (at > bytes.length) throw truncated();
  return { at, least, some };
};

/**
 * Refuses a stream that is cut off, or a frame that asks for too large a window, before the decoder allocates it:
 * sixteen bytes could ask for gigabytes otherwise.
 */
const walkFrames = (bytes: Buffer): Walk => {
  let at = 0;
  let least = 0;
  let some = false;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) throw truncated();
    const magic = bytes.readUInt32LE(at);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      at += 8 + bytes.readUInt32LE(at + 4);
      if (at > bytes.length) throw truncated();
      continue;
    }
    if (magic !== MAGIC) throw new ZstdError('invalid input: magic number mismatch');
    const { blocks, window, checksum } = readHeader(bytes, at);
    if (window > MAX_WINDOW_BYTES) {
      throw new ZstdError(`a frame wants a window of ${window} bytes, more than ${MAX_WINDOW_BYTES}`, true);
    }
    const frame = skipBlocks(bytes, blocks, checksum);
    at = frame.at;
    least += frame.least;
    some ||= frame.some;
  }
  return { at, least, some };
};

/** The reference decoder compiled to WebAssembly; loaded at the first compressed body, because few pools ever see one. */
let decoder: Promise<ZSTDDecoder> | undefined;

const loadDecoder = async (): Promise<ZSTDDecoder> => {
  const { ZSTDDecoder: Decoder } = await import('zstddec');
  const loaded = new Decoder();
  await loaded.init();
  return loaded;
};

/**
 * Decompresses a whole zstd stream (RFC 8878), of one or several frames. The decoding itself runs on the event loop, a
 * few ms per MB that comes out.
 * @param limit bytes that may come out, > 0
 * @throws ZstdError
 */
export const decodeZstd = async (bytes: Buffer, limit: number): Promise<Buffer> => {
  const { least, some } = walkFrames(bytes);
  if (least > limit) throw new ZstdError(`more than ${limit} bytes when decompressed`, true);
  decoder ??= loadDecoder();
  // One byte more than may come out: what fills it is too large, and a size of 0 would ask for a guess.
  const out = (await decoder).decode(bytes, limit + 1);
  if (out.length > limit) throw new ZstdError(`more than ${limit} bytes when decompressed`, true);
  // The decoder tells of an error only by giving nothing; a stream that really holds nothing shows it in its blocks.
  if (out.length === 0 && some) throw new ZstdError('invalid input, or too much of it');
  return Buffer.from(out.buffer, out.byteOffset, out.length);
};
