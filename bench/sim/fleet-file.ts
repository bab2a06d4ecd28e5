import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { readSize } from '../../src/config/units.ts';
import { profiles, type MachineProfile } from '../../src/sim/model/profile.ts';
import type { FleetPlan, Place } from './fleets.ts';

/** A pool that a file describes, and what a recording does not tell about its models. */
export interface FleetFile {
  readonly plan: FleetPlan;
  readonly modelBytes: Readonly<Record<string, number>>;
  readonly contextTokens: number | undefined;
}

const PROFILE_NAMES = ['fast-gpu', 'slow-gpu', 'cpu'] as const;

const bytes = z.string().transform((text, context) => {
  const read = readSize(text, 1);
  if (read.ok) return read.value;
  context.addIssue({ code: 'custom', message: read.message });
  return z.NEVER;
});
const above0 = z.number().positive();
const count = z.number().int().positive();

const SERVER = z.strictObject({
  name: z.string().min(1).optional(),
  count: count.default(1),
  like: z.enum(PROFILE_NAMES).default('fast-gpu'),
  prefill: above0.optional(),
  decode: above0.optional(),
  memory: bytes.optional(),
  load: bytes.optional(),
  load_base_ms: above0.optional(),
  company_slowdown: z.number().min(0).max(1).optional(),
  slots: count.optional(),
  reuse: z.enum(['many', 'one-per-slot', 'one-per-model']).optional(),
});

const FILE = z.strictObject({
  context: count.optional(),
  models: z.record(z.string(), bytes).default({}),
  servers: z.array(SERVER).min(1),
});

const profileOf = (server: z.infer<typeof SERVER>): MachineProfile => {
  const base = profiles[server.like];
  return {
    ...base,
    prefillPerSecond: server.prefill ?? base.prefillPerSecond,
    decodePerSecond: server.decode ?? base.decodePerSecond,
    memoryBytes: server.memory ?? base.memoryBytes,
    loadBytesPerSecond: server.load ?? base.loadBytesPerSecond,
    loadBaseMs: server.load_base_ms ?? base.loadBaseMs,
    companySlowdown: server.company_slowdown ?? base.companySlowdown,
  };
};

/** Several servers of one line are numbered behind its name. */
const placesOf = (server: z.infer<typeof SERVER>, line: number): readonly Place[] => {
  const name = server.name ?? `s${line + 1}`;
  return Array.from({ length: server.count }, (_, index) => ({
    id: server.count === 1 ? name : `${name}-${index + 1}`,
    profile: profileOf(server),
    ...(server.slots === undefined ? {} : { slots: server.slots }),
    ...(server.reuse === undefined ? {} : { reuse: server.reuse }),
  }));
};

/** Reads the description of a pool, YAML or JSON. Throws with every member that is wrong. */
export const fleetOfText = (text: string, name: string): FleetFile => {
  const read = FILE.safeParse(parse(text));
  if (!read.success) throw new Error(`${name} describes no fleet:\n${z.prettifyError(read.error)}`);
  const { context, models, servers } = read.data;
  const places = servers.flatMap(placesOf);
  const twice = places.find(({ id }, index) => places.findIndex((other) => other.id === id) !== index);
  if (twice !== undefined) throw new Error(`${name} names two servers ${twice.id}: give each a name of its own`);
  return { plan: { name, places }, modelBytes: models, contextTokens: context };
};

export const readFleetFile = (path: string): FleetFile => fleetOfText(readFileSync(path, 'utf8'), path);
