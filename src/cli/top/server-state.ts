import type { Level } from './model.ts';

/** What the state of a server is judged by, as the admin API tells it. */
export interface ServerFacts {
  readonly enabled: boolean;
  readonly draining: boolean;
  readonly health: string;
  readonly breaker: string;
  readonly lastError: string;
  readonly ills: readonly { readonly kind: string; readonly model: string }[];
  /** Models whose breaker is not closed. */
  readonly blocked: readonly { readonly name: string; readonly breaker: string }[];
}

/** In the words of the dashboard. */
const ILLS: Readonly<Record<string, string>> = {
  'wedged-loading': 'loads no model any more',
  'gpu-lost': 'runs as slowly as without a GPU',
  spill: 'does not fit into video memory',
  'hung-runner': 'hangs',
  'dead-runner': 'died and is to be loaded anew',
  'server-silent': 'takes connections and answers nothing',
};

const illText = ({ kind, model }: ServerFacts['ills'][number]): string => {
  const words = ILLS[kind] ?? kind.replaceAll('-', ' ');
  return model === '' ? words : `${model} ${words}`;
};

/** How a server is: its level, a word, and why. The first that holds, worst for its clients first. */
export const stateOf = (
  server: ServerFacts,
): { readonly level: Level; readonly word: string; readonly why: string } => {
  const ills = server.ills.map(illText);
  const blocked = server.blocked.map(({ name, breaker }) => `${name} breaker ${breaker}`);
  if (!server.enabled) return { level: 'off', word: 'off', why: 'switched off by hand' };
  if (server.health === 'down') {
    return { level: 'bad', word: 'down', why: server.lastError === '' ? 'no answer' : server.lastError };
  }
  if (server.breaker === 'open') return { level: 'bad', word: 'breaker open', why: 'too many failures' };
  if (server.draining) return { level: 'busy', word: 'draining', why: 'no new requests' };
  if (server.breaker === 'half-open') return { level: 'warn', word: 'on trial', why: 'a few requests at a time' };
  if (server.health !== 'up') return { level: 'off', word: 'checking', why: 'not looked at yet' };
  if (blocked.length > 0) return { level: 'warn', word: 'partly up', why: [...blocked, ...ills].join(', ') };
  if (ills.length > 0) return { level: 'warn', word: 'ailing', why: ills.join(', ') };
  return { level: 'ok', word: 'up', why: '' };
};
