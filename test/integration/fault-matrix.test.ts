import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAULTS, PHASES_OF } from '../faults/faults.ts';
import { mostHits, promised, stepping } from '../faults/promises.ts';
import { runFaults, type Observed } from '../faults/run.ts';
import { tableOf, unaligned } from '../faults/table.ts';

let observed: readonly Observed[] = [];
// Two dozen seconds on an idle machine.
beforeAll(async () => {
  observed = await runFaults();
}, 600_000);

const CASES = FAULTS.flatMap((fault) => PHASES_OF[fault].map((phase) => [fault, phase] as const));

describe.each(CASES)('%s at %s', (fault, phase) => {
  const here = (): readonly Observed[] => observed.filter((each) => each.fault === fault && each.phase === phase);

  it('shows the client what was promised, whatever it asked for and in whichever dialect', () => {
    const row = promised(fault, phase);
    expect(here().length).toBeGreaterThan(0);
    for (const { company, kind, name, client } of here()) {
      const [beside, alone] = row[kind];
      expect([company, name, client]).toEqual([company, name, company === 'alone' ? alone : beside]);
    }
  });

  it('is asked no more than it may be, is held against who is to blame, and leaves nothing behind', () => {
    for (const { company, kind, name, hits, reasons, breaker, left } of here()) {
      expect([name, (hits ?? 1) <= mostHits(kind, reasons, company === 'alone')]).toEqual([name, true]);
      if (company !== 'alone') expect([name, breaker]).toEqual([name, stepping(kind, reasons)]);
      expect([name, left]).toEqual([name, 0]);
    }
  });
});

it('is what docs/fault-matrix.md says', () => {
  const page = readFileSync(new URL('../../docs/fault-matrix.md', import.meta.url), 'utf8');
  expect(unaligned(page)).toBe(unaligned(tableOf(observed)));
});
