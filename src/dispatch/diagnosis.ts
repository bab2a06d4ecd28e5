import type { Backend, Runner } from '../backends/backend.ts';
import type { IllKind } from '../backends/ills.ts';
import type { HostFacts } from '../facts/host.ts';
import type { StuckLoad } from '../facts/stuck.ts';

/** Something that is the matter now. */
export interface Finding {
  readonly kind: IllKind;
  /** undefined = the server as a whole. */
  readonly model: string | undefined;
  readonly evidence: string;
}

/** The death of a runner is of interest until it has answered again, or for so long. */
const DEATH_SHOWN_MS = 600_000;
/** How the probe says that it waited in vain (forward/probe.ts). */
const SILENT = /^no answer to a probe/;

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

/** What can be told about a backend from what is known of it at `at`, a wedge aside. O(its models). */
export const diagnose = (backend: Backend, host: HostFacts, at: number): readonly Finding[] => {
  if (backend.health === 'down') {
    return SILENT.test(backend.lastError)
      ? [{ kind: 'server-silent', model: undefined, evidence: backend.lastError }]
      : [];
  }
  const found: Finding[] = [];
  const lost = lostGpu(host, at);
  if (lost !== undefined) found.push({ kind: 'gpu-lost', model: undefined, evidence: lost });
  for (const [model, { speeds }] of host.runners) {
    if (speeds.suspicion(at) !== 'spill') continue;
    const { vramShare, wasWhole } = speeds.memory;
    const before = wasWhole ? '; all of it was, once: does a process that the server does not know hold memory?' : '';
    const evidence = `${Math.round(100 * vramShare)} % of it is in video memory${before}`;
    found.push({ kind: 'spill', model, evidence });
  }
  for (const runner of backend.runners.values()) found.push(...ofRunner(runner, at));
  return found;
};

const lostGpu = (host: HostFacts, at: number): string | undefined => {
  const loss = host.speeds.loss(at);
  if (loss > 1) return `everything takes about ${Math.round(loss)} times as long as it usually does`;
  const slow: string[] = [];
  const outside: string[] = [];
  for (const [model, { speeds }] of host.runners) {
    if (speeds.suspicion(at) !== 'gpu-lost') continue;
    (speeds.memory.vramShare === 0 ? outside : slow).push(model);
  }
  if (outside.length > 0) return `in memory without any video memory, where there was some: ${outside.join(', ')}`;
  if (slow.length > 0) return `at least four times as slow as usual, three times in a row: ${slow.join(', ')}`;
  return undefined;
};

const ofRunner = ({ model, hungSince, deadSince }: Runner, at: number): readonly Finding[] => {
  if (hungSince !== undefined) {
    const evidence = 'a request got no byte for longer than it can take, while the server answers';
    return [{ kind: 'hung-runner', model, evidence }];
  }
  if (deadSince !== undefined && at - deadSince < DEATH_SHOWN_MS) {
    const evidence = 'its process died under a request; the next one loads the model again';
    return [{ kind: 'dead-runner', model, evidence }];
  }
  return [];
};

/** How a server shows that it loads nothing any more. */
export const wedgeEvidence = ({ model, waitedMs, longestMs }: StuckLoad): string => {
  const usual = longestMs === undefined ? '' : `; the longest one took ${seconds(longestMs)}`;
  return `a load of ${model} has not come for ${seconds(waitedMs)}, while the server answers${usual}`;
};
