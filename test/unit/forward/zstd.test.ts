import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeZstd, ZstdError } from '../../../src/forward/zstd.ts';
import { bomb, COMPRESSED, COMPRESSED_TEXT, rawFrame } from '../../support/zstd-frames.ts';

const MiB = 1024 * 1024;

/** A frame on whose broken tables a decoder that trusts them runs in circles. */
const BROKEN_TABLES =
  '28b52ffd64f301dd0200a2461411f06f38c01cfea4fe3e200344409150356ad93bd06be6348dd2cf483bda6f51d64cafdfb06f18db1f5855bf6cf38c242f69d3e9db2cdec2bf4ad8bc41a2cea816fe4c9a4fbd81c7afc65bb84b283ec7010100a8215fa928c3d955c6';

const failure = async (run: () => Promise<unknown>): Promise<ZstdError> => {
  try {
    await run();
  } catch (error) {
    if (error instanceof ZstdError) return error;
    throw error;
  }
  return expect.fail('nothing was thrown');
};

describe('a zstd body', () => {
  it('comes out as it went in', async () => {
    expect((await decodeZstd(COMPRESSED, MiB)).toString()).toBe(COMPRESSED_TEXT);
  });

  it('may be several frames, with frames to skip among them', async () => {
    const skipped = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const all = Buffer.concat([rawFrame(Buffer.from('one, ')), skipped, COMPRESSED, rawFrame(Buffer.from('!'))]);
    expect((await decodeZstd(all, MiB)).toString()).toBe(`one, ${COMPRESSED_TEXT}!`);
  });

  it('may be empty inside', async () => {
    expect(await decodeZstd(rawFrame(Buffer.alloc(0)), 10)).toEqual(Buffer.alloc(0));
  });

  it('is refused as soon as it grows past the limit, however small it is itself', async () => {
    const small = bomb(1000);
    expect(small.length).toBeLessThan(5_000);
    expect(await failure(() => decodeZstd(small, 20 * MiB))).toMatchObject({ tooLarge: true });
    expect((await decodeZstd(bomb(8), MiB)).length).toBe(MiB);
    expect((await failure(() => decodeZstd(bomb(9), MiB))).tooLarge).toBe(true);
  });

  it('is refused before memory is taken for a window that nobody needs', async () => {
    // 2 GiB (exponent 21), 128 MiB (17), and 32 MiB (15), which is the most.
    for (const exponent of [21, 17]) {
      const wide = rawFrame(Buffer.from('x'), { windowDescriptor: exponent * 8 });
      expect(await failure(() => decodeZstd(wide, MiB))).toMatchObject({ tooLarge: true });
    }
    expect((await decodeZstd(rawFrame(Buffer.from('x'), { windowDescriptor: 15 * 8 }), MiB)).toString()).toBe('x');
  });

  it('is refused when it is cut off anywhere', async () => {
    for (let length = 1; length < COMPRESSED.length; length++) {
      expect((await failure(() => decodeZstd(COMPRESSED.subarray(0, length), MiB))).tooLarge).toBe(false);
    }
  });

  it('is refused when it is something else', async () => {
    expect((await failure(() => decodeZstd(Buffer.from('{"model":"m"}'), MiB))).message).toMatch(/magic number/);
  });

  it('is refused, and not looped over for ever, when its tables are broken', async () => {
    const broken = Buffer.from(BROKEN_TABLES, 'hex');
    expect((await failure(() => decodeZstd(broken, MiB))).message).toMatch(/invalid input/);
  });

  it('gives bytes or a ZstdError and nothing else, whatever is broken in it', async () => {
    const flips = fc.array(fc.tuple(fc.nat(COMPRESSED.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const broken = Buffer.from(COMPRESSED);
        for (const [at, value] of changes) broken[at] = value;
        try {
          expect((await decodeZstd(broken, MiB)).length).toBeLessThanOrEqual(MiB);
        } catch (error) {
          expect(error).toBeInstanceOf(ZstdError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
