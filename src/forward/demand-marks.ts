import { IMAGE_BYTES, type PrefixMark } from '../core/demand.ts';
import { thin } from './demand-thin.ts';
import type { PrefixHasher } from './prefix-hash.ts';

/** Marks inside of a long piece: about 128 tokens apart, less than which no server saves much time by. */
const STEP_BYTES = 512;
/** As many marks as a 128k-token prompt needs in steps of 1 KiB; the memory of a prompt index is counted in these. */
const MAX_MARKS = 512;
/** Beyond this much, prompts that are still equal are taken for equal: it bounds the time that a request can cost. */
export const MAX_HASHED_BYTES = 1024 * 1024;
/** What an image is known by, at each end: encoded pictures differ in their sizes and in nearly every byte. */
const IMAGE_EDGE_BYTES = 4096;
/** What a mark costs of the bytes to hash, so that a body full of empty messages has few marks too. */
const MARK_COST_BYTES = 64;

/**
 * Writes a prompt, piece after piece, into a hash that leaves marks on the way. Bytes past the bound are counted and no
 * longer hashed. Positions are those of the body that the hasher was started on.
 */
export class PromptMarks {
  readonly #hasher: PrefixHasher;
  readonly #found: PrefixMark[] = [];
  readonly #boundaries: boolean[] = [];
  #left: number;
  #bytes = 0;

  constructor(hasher: PrefixHasher, body: Buffer, maxBytes = MAX_HASHED_BYTES) {
    this.#hasher = hasher;
    this.#left = maxBytes;
    hasher.start(body);
  }

  /** Bytes of prompt so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nothing more is hashed or marked. */
  get full(): boolean {
    return this.#left <= 0;
  }

  /** The hash of all that was written (up to the bound). */
  digest(): number {
    return this.#hasher.digest();
  }

  /** Says what comes next, so that the same bytes in another place make another hash. */
  tag(value: number): void {
    if (!this.full) this.#hasher.word(value);
  }

  /** Bytes that shape the prompt and are no part of it. */
  setting(from: number, to: number): void {
    this.#hash(from, to);
  }

  text(from: number, to: number): void {
    if (!this.full && to - from > STEP_BYTES) this.#textInSteps(from, to);
    else this.#hash(from, to);
    this.#bytes += to - from;
  }

  /** A picture or sound, `[from, to)` its encoded bytes. */
  image(from: number, to: number): void {
    const length = to - from;
    if (length <= 2 * IMAGE_EDGE_BYTES) {
      this.#hash(from, to);
    } else {
      this.tag(length);
      this.#hash(from, from + IMAGE_EDGE_BYTES);
      this.#hash(to - IMAGE_EDGE_BYTES, to);
    }
    this.#bytes += IMAGE_BYTES;
  }

  /** Here a message ends. */
  boundary(): void {
    if (!this.full) this.#mark(this.#bytes, true);
  }

  /** All marks, or the most useful of them. */
  marks(): readonly PrefixMark[] {
    return thin(this.#found, this.#boundaries, MAX_MARKS);
  }

  #textInSteps(from: number, to: number): void {
    const bytes = this.#bytes;
    let at = from;
    for (let next = at + STEP_BYTES; next < to && !this.full; at = next, next += STEP_BYTES) {
      // The length comes after the last piece alone: a longer text must begin like a shorter one.
      const end = Math.min(next, at + this.#left);
      this.#hasher.bytes(at, end);
      this.#left -= end - at;
      if (!this.full) this.#mark(bytes + next - from, false);
    }
    this.#hash(at, to);
  }

  /** One piece with its length, as far as the bound allows. */
  #hash(from: number, to: number): void {
    if (this.full) return;
    this.#hasher.bytes(from, Math.min(to, from + this.#left));
    this.#hasher.word(to - from);
    this.#left -= to - from;
  }

  #mark(bytes: number, boundary: boolean): void {
    this.#found.push({ hash: this.#hasher.digest(), bytes });
    this.#boundaries.push(boundary);
    this.#left -= MARK_COST_BYTES;
  }
}
