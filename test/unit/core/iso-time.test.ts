import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { isoTime } from '../../../src/core/iso-time.ts';

it('writes wall times as Date does, in whatever order they are asked for', () => {
  const near = fc.integer({ min: 0, max: 3_000 }).map((ms) => 1_700_000_000_000 + ms);
  const any = fc.integer({ min: -8_640_000_000_000, max: 8_640_000_000_000 });
  fc.assert(
    fc.property(fc.array(fc.oneof(near, any), { minLength: 1, maxLength: 20 }), (times) => {
      for (const ms of times) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
    }),
  );
});
