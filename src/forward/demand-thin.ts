import type { PrefixMark } from '../core/demand.ts';

/** The finest grid has cells of 2^9 = 512 bytes, the distance of marks inside of a message. */
const CELL_BITS = 9;
/** Above every level that a position of 32 bits can have. */
const MAX_LEVEL = 32 - CELL_BITS;

/**
 * Where a piece of prompt begins a new cell of a grid, and of how coarse a one: 0 = 512 bytes, 1 = 1 KiB, 2 = 2 KiB …,
 * -1 = none. Only what came before decides it, so two prompts with the same beginning give its marks the same levels.
 * @param bytes where this mark lies
 * @param before where the mark before it lies; undefined = it is the first, which is worth most
 */
const levelOf = (bytes: number, before: number | undefined): number =>
  before === undefined ? MAX_LEVEL : 31 - Math.clz32((bytes >>> CELL_BITS) ^ (before >>> CELL_BITS));

/** Notes in `kept` the coarsest marks of one kind before `until`, at most `room` of them, and says how many. */
const keepCoarsest = (
  marks: readonly PrefixMark[],
  boundaries: readonly boolean[],
  kind: boolean,
  until: number,
  room: number,
  kept: Uint8Array,
): number => {
  const levels = new Int8Array(until);
  // One more, at the front, for level -1.
  const counts = new Int32Array(MAX_LEVEL + 2);
  let before: number | undefined;
  for (let i = 0; i < until; i++) {
    if (boundaries[i] !== kind) continue;
    const bytes = marks[i]?.bytes ?? 0;
    const level = levelOf(bytes, before);
    levels[i] = level;
    counts[level + 1] = (counts[level + 1] ?? 0) + 1;
    before = bytes;
  }
  let least = MAX_LEVEL + 1;
  let total = 0;
  while (least > -1) {
    // `counts[least]` is of the level below `least`.
    const count = counts[least] ?? 0;
    if (total + count > room) break;
    total += count;
    least--;
  }
  for (let i = 0; i < until; i++) {
    if (boundaries[i] === kind && (levels[i] ?? 0) >= least) kept[i] = 1;
  }
  return total;
};

/**
 * Chooses which marks to keep when there are more than `limit`: every one of the last half, where the next turn of the
 * conversation will look; of those before, ends of messages on the finest grid that leaves few enough, and in the room
 * that is left marks inside of messages likewise. Coarser grids are parts of finer ones, so two prompts of different
 * length still share marks at a beginning that they share.
 * @param boundaries whether each mark lies at the end of a message, and not inside of one
 * @returns at most `limit` marks, in order
 */
export const thin = (
  marks: readonly PrefixMark[],
  boundaries: readonly boolean[],
  limit: number,
): readonly PrefixMark[] => {
  if (marks.length <= limit) return marks;
  const last = limit >> 1;
  const dense = marks.length - last;
  const kept = new Uint8Array(marks.length).fill(1, dense);
  const used = keepCoarsest(marks, boundaries, true, dense, limit - last, kept);
  keepCoarsest(marks, boundaries, false, dense, limit - last - used, kept);
  return marks.filter((_, i) => kept[i] === 1);
};
