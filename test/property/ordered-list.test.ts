import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderedList, type Slot } from '../../src/admission/ordered-list.ts';

const read = (list: OrderedList<number>): number[] => {
  const items: number[] = [];
  for (let slot = list.first; slot !== undefined; slot = slot.next[0]) items.push(slot.item);
  return items;
};

describe('an ordered list, whatever comes and goes', () => {
  it('reads by key, equal keys in the order in which they came', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.record({ key: fc.integer({ min: -5, max: 5 }) }), fc.record({ gone: fc.nat(99) })), {
          maxLength: 200,
          size: 'max',
        }),
        (steps) => {
          const list = new OrderedList<number>();
          let model: Slot<number>[] = [];
          for (const [number, step] of steps.entries()) {
            if ('key' in step) {
              model = [...model, list.insert(number, step.key)].toSorted((a, b) => a.key - b.key);
            } else if (model.length > 0) {
              const [slot] = model.splice(step.gone % model.length, 1);
              if (slot !== undefined) list.remove(slot);
            }
            expect(read(list)).toEqual(model.map(({ item }) => item));
            expect(list.size).toBe(model.length);
          }
        },
      ),
    );
  });

  it('holds on to nobody who was removed', () => {
    const list = new OrderedList<number>();
    const slots = Array.from({ length: 100 }, (_, i) => list.insert(i, i % 7));
    for (const slot of slots) list.remove(slot);
    expect(list.first).toBeUndefined();
    expect(slots.every(({ next, previous }) => next.length === 0 && previous.length === 0)).toBe(true);
  });
});
