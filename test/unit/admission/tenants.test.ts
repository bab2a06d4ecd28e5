import { describe, expect, it } from 'vitest';
import { LaneClass } from '../../../src/admission/lane.ts';
import { Tenants } from '../../../src/admission/tenants.ts';

describe('the accounts of tenants', () => {
  it('are bounded: the idle one that was seen longest ago is forgotten first', () => {
    const tenants = new Tenants();
    for (let i = 0; i < 4_096; i++) tenants.charge(tenants.open(`t${i}`), 1);
    tenants.open('t0');
    tenants.open('one more');
    const names = Array.from(tenants, ({ name }) => name);
    expect([names.length, names.includes('t0'), names.includes('t1')]).toEqual([4_096, true, false]);
  });

  it('never forget one that waits, and share one account once all do', () => {
    const tenants = new Tenants();
    const home = new LaneClass();
    for (let i = 0; i < 4_096; i++) tenants.flow(tenants.open(`t${i}`), home);
    expect(tenants.open('one more')).toBe(tenants.open('another one'));
    expect(tenants.open('t0').name).toBe('t0');
    expect(home.flows.size).toBe(4_096);
  });
});
