/** FNV-1a, 32 bits: enough to spread seeds and to name things, not for secrets. */
export const hash32 = (text: string, seed = 0x811c9dc5): number => {
  let hash = seed >>> 0;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
};

/** 64 hex digits that look like a SHA-256 and depend on `text` alone: the same model has the same digest everywhere. */
export const fakeDigest = (text: string): string => {
  let digest = '';
  for (let part = 0; part < 8; part += 1) {
    digest += hash32(`${part}:${text}`, hash32(text, 0x9e3779b9 + part))
      .toString(16)
      .padStart(8, '0');
  }
  return digest;
};
