// Writes docs/fault-matrix.md: npx tsx test/faults/write-table.ts && npx oxfmt docs/fault-matrix.md
import { writeFileSync } from 'node:fs';
import { runFaults } from './run.ts';
import { tableOf } from './table.ts';

writeFileSync(new URL('../../docs/fault-matrix.md', import.meta.url), tableOf(await runFaults()));
