import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Says what a found text is, for people and for scanners that look for leaked keys. */
const PREFIX = 'otr_';
/** 256 bits: nobody guesses one, so a plain hash is enough, and needs no slow one as passwords do. */
const KEY_BYTES = 32;

/** SHA-256 of a key. */
export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** A new random key, `otr_` and 43 characters that need no quotes in a shell, a header or YAML. */
export const newKey = (): string => PREFIX + randomBytes(KEY_BYTES).toString('base64url');

/** Equal or not, in a time that does not depend on where they differ. Both must have the same length. */
export const sameDigest = (a: Buffer, b: Buffer): boolean => timingSafeEqual(a, b);
