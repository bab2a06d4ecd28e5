/**
 * Fills a secret into hashes of prompts, so that equal beginnings are found without keeping a word of them.
 *
 * Two 32-bit lanes take the same four bytes a step: exclusive-or, a multiplication that carries low bits up, and a shift
 * that brings high bits down again (by another distance in each lane, so that no change of the text cancels in both).
 * Reading the hash mixes the lanes with the finaliser of MurmurHash3 (Appleby, `fmix32`) and leaves the state as it is.
 * It is fast and keyed, not cryptographic: good against guessing by people who never see a hash, and for nothing else.
 */

/** Odd, with bits spread evenly: the primes that xxHash32 multiplies by (Collet, XXH_PRIME32_1 and _2). */
const LANE_A = 0x9e3779b1;
const LANE_B = 0x85ebca77;
/** fmix32's own multipliers. */
const FINAL_1 = 0x85ebca6b;
const FINAL_2 = 0xc2b2ae35;
/** A safe integer has 53 bits: 32 of one lane and these 21 of the other. */
const HIGH_BITS = 0x1fffff;
const TWO_32 = 2 ** 32;

const mixed = (value: number): number => {
  let x = Math.imul(value ^ (value >>> 16), FINAL_1);
  x = Math.imul(x ^ (x >>> 13), FINAL_2);
  return x ^ (x >>> 16);
};

/**
 * A running hash: `digest` at any point depends on every byte and word since `start`, and on the key. One instance
 * serves one prompt at a time; there is nothing to free.
 */
export class PrefixHasher {
  readonly #keyA: number;
  readonly #keyB: number;
  #a = 0;
  #b = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** @param key two random 32-bit numbers, drawn once per process and told to nobody */
  constructor(key: readonly [number, number]) {
    this.#keyA = mixed(key[0] ^ LANE_B);
    this.#keyB = mixed(key[1] ^ LANE_A);
  }

  /** Begins anew; `bytes` are counted in what is given here. */
  start(text: Uint8Array): void {
    this.#a = this.#keyA;
    this.#b = this.#keyB;
    this.#view = new DataView(text.buffer, text.byteOffset, text.byteLength);
  }

  /** Takes in a number of 32 bits. */
  word(value: number): void {
    const a = Math.imul(this.#a ^ value, LANE_A);
    const b = Math.imul(this.#b ^ value, LANE_B);
    this.#a = a ^ (a >>> 15);
    this.#b = b ^ (b >>> 13);
  }

  /**
   * Takes in the bytes `[from, to)`. A last piece of fewer than four is filled up with zeros, so whoever hashes several
   * pieces of their own lengths puts the length after each (`word`).
   */
  bytes(from: number, to: number): void {
    const view = this.#view;
    let a = this.#a;
    let b = this.#b;
    let i = from;
    for (const whole = to - 3; i < whole; i += 4) {
      const word = view.getInt32(i, true);
      a = Math.imul(a ^ word, LANE_A);
      b = Math.imul(b ^ word, LANE_B);
      a ^= a >>> 15;
      b ^= b >>> 13;
    }
    this.#a = a;
    this.#b = b;
    if (i >= to) return;
    let rest = 0;
    for (let shift = 0; i < to; i++, shift += 8) rest |= view.getUint8(i) << shift;
    this.word(rest);
  }

  /** The hash of everything so far: a whole number, 0 ≤ n < 2^53. */
  digest(): number {
    const low = mixed(this.#a ^ Math.imul(this.#b, LANE_A));
    const high = mixed(this.#b ^ low);
    return (high & HIGH_BITS) * TWO_32 + (low >>> 0);
  }
}
