/** A zstd frame (RFC 8878) of raw blocks: valid, and not compressed. */
export const rawFrame = (content: Buffer, options: { readonly windowDescriptor?: number } = {}): Buffer => {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, options.windowDescriptor ?? 0x58]);
  const blocks: Buffer[] = [];
  const size = 100_000;
  for (let at = 0; at === 0 || at < content.length; at += size) {
    const piece = content.subarray(at, at + size);
    const header = Buffer.alloc(3);
    header.writeUIntLE(piece.length * 8 + (at + size >= content.length ? 1 : 0), 0, 3);
    blocks.push(header, piece);
  }
  return Buffer.concat([head, ...blocks]);
};

/** The same byte over and over, in a few bytes. */
export const bomb = (blocks: number): Buffer => {
  const block = (last: boolean): Buffer => {
    const header = Buffer.alloc(4, 0x20);
    header.writeUIntLE(128 * 1024 * 8 + 2 + (last ? 1 : 0), 0, 3);
    return header;
  };
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]);
  return Buffer.concat([head, ...Array.from({ length: blocks }, (_, i) => block(i === blocks - 1))]);
};

/** Made by zstd 1.5 at level 19 from the text below. */
export const COMPRESSED = Buffer.from(
  'KLUv/WTzAd0CAKJGFBGgbzjAzf6k/j4gA0RAkVA1atk70GvmNI3Sz0g72m+a1kyv37BvGNsfWFW/bPOMJC9p0+nbLN7Cv0rYvEGizqgW/kyaT72Bx6/GW7hLKD7HAQEAqCFfqSjD2VXG',
  'base64',
);
export const COMPRESSED_TEXT = JSON.stringify({
  model: 'auto',
  stream: false,
  input: 'Write a TypeScript function that merges two sorted arrays. '.repeat(12),
})
  .replaceAll(/":/g, '": ')
  .replaceAll(/,"/g, ', "');
