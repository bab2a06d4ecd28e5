import { expect, it } from 'vitest';
import { Facts } from '../../../src/facts/facts.ts';

const M = 'm:latest';
const seen = { model: M, digest: 'd', sizeBytes: 1e9, vramBytes: 1e9, contextLength: 4_096, expiresInMs: Infinity };

/** Hosts of which the first `having` have the model in memory. */
const factsOf = (hosts: number, having: number): Facts => {
  const facts = new Facts();
  for (let i = 0; i < hosts; i++) facts.seen(`s${i}`, i < having ? [seen] : [], 0, 0);
  return facts;
};

it('counts the hosts that have a model in memory, and keeps the count for a second', () => {
  const facts = factsOf(20, 7);
  expect(facts.copies(M, 0)).toBe(7);
  facts.lost('s0');
  expect(facts.copies(M, 999)).toBe(7);
  expect(facts.copies(M, 1_000)).toBe(6);
});

it('counts a large pool at once the first time, and then a part of it per call until it has been round', () => {
  const facts = factsOf(1_000, 900);
  expect(facts.copies(M, 0)).toBe(900);
  for (let i = 0; i < 300; i++) facts.lost(`s${i}`);
  const counts = Array.from({ length: 5 }, (_, call) => facts.copies(M, 1_000 + call));
  expect(counts).toEqual([900, 900, 900, 600, 600]);
});

it('counts on over hosts that leave while it counts', () => {
  const facts = factsOf(1_000, 1_000);
  facts.copies(M, 0);
  facts.copies(M, 1_000);
  for (let i = 200; i < 600; i++) facts.forgetHost(`s${i}`);
  for (let call = 1; call < 5; call++) facts.copies(M, 1_000 + call);
  // The first 256 had been counted when 56 of them left.
  expect(facts.copies(M, 1_010)).toBe(656);
});
