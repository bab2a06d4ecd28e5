// Writes state into the file that it is given, over and over, until it is killed; says the number of each that is done.
import { FileStore } from '../../src/state/file.ts';
import type { StateEntry } from '../../src/state/store.ts';
import { LogBook } from './log-book.ts';

const [path = '', from = '0'] = process.argv.slice(2);
const store = new FileStore({ path, log: new LogBook() });

/** All records of one write know its number and how many they are. */
const entries = function* (write: number): Generator<StateEntry> {
  const count = 1 + ((write * 7919) % 2_000);
  for (let i = 0; i < count; i++)
    yield { ageMs: 0, record: { kind: 'x', write, count, text: 'x'.repeat(90) } as StateEntry['record'] };
};

for (let write = Number(from); ; write++) {
  await store.save(entries(write));
  process.stdout.write(`${write}\n`);
}
