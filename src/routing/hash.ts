/**
 * Rendezvous hashing (Thaler and Ravishankar, 1998) with weights: each key orders all members by itself, and a member
 * that leaves moves only the keys that preferred it.
 */

/** FNV-1a over UTF-16 code units, continued from `seed`; 32 bits. */
export const fnv1a = (text: string, seed = 0x811c9dc5): number => {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
};

/** Spreads the bits (the finisher of MurmurHash3): FNV alone leaves similar ids with similar high bits. */
const mix = (hash: number): number => {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/**
 * Distance of a member from a key, lower is nearer: −ln(u)/weight with u from the hash, so that each member is nearest
 * to a share of keys in proportion to its weight. Give the same `keyHash` (`fnv1a(key)`) for all members.
 */
export const rendezvous = (keyHash: number, memberId: string, weight: number): number =>
  -Math.log((mix(fnv1a(memberId, keyHash)) + 0.5) / 4294967296) / weight;
