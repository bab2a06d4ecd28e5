import { h, s } from './dom.js';

/** A state is told three times: by its colour, by its shape, and in a word. */
const SHAPES = {
  ok: () => s('circle', { cx: 6, cy: 6, r: 4.5 }),
  warn: () => s('path', { d: 'M6 1 11.5 11H.5z' }),
  bad: () => s('path', { d: 'M1.5 1.5h9v9h-9z' }),
  busy: () => [s('circle', { cx: 6, cy: 6, r: 4, class: 'hollow' }), s('path', { d: 'M6 2a4 4 0 0 1 0 8z' })],
  off: () => s('circle', { cx: 6, cy: 6, r: 4, class: 'hollow' }),
};

/** @param level one of ok, warn, bad, busy, off */
export const shape = (level) =>
  s('svg', { class: `shape ${level}`, viewBox: '0 0 12 12', 'aria-hidden': 'true' }, ...[SHAPES[level]()].flat());

export const badge = (level, word) => h('span', { class: `badge ${level}` }, shape(level), h('span', { text: word }));

const ILLS = {
  'wedged-loading': 'loads no model any more',
  'gpu-lost': 'runs as slowly as without a GPU',
  spill: 'does not fit into video memory',
  'hung-runner': 'hangs',
  'dead-runner': 'died and is to be loaded anew',
  'server-silent': 'takes connections and answers nothing',
};

/** What is wrong with a server besides its state, in words. */
export const illText = ({ kind, model }) => {
  const words = ILLS[kind] ?? kind.replaceAll('-', ' ');
  return model ? `${model} ${words}` : words;
};

/** How a server is: its level, one word, and why. */
export const stateOf = (server) => {
  const blocked = server.models.filter(({ breaker }) => breaker !== 'closed');
  if (!server.enabled) return { level: 'off', word: 'Off', why: 'switched off by hand', trouble: false };
  if (server.health === 'down')
    return { level: 'bad', word: 'Down', why: server.lastError ?? 'no answer', trouble: true };
  if (server.breaker === 'open') {
    return { level: 'bad', word: 'Breaker open', why: 'too many failures: it gets no requests for now', trouble: true };
  }
  if (server.draining) {
    return { level: 'busy', word: 'Draining', why: 'no new requests; those that run finish', trouble: false };
  }
  if (server.breaker === 'half-open') {
    return { level: 'warn', word: 'On trial', why: 'it gets a few requests to prove itself', trouble: true };
  }
  if (server.health === 'unknown') return { level: 'off', word: 'Checking', why: 'not looked at yet', trouble: false };
  if (blocked.length > 0) {
    const names = blocked.map(({ name, breaker }) => `${name} (breaker ${breaker})`);
    return { level: 'warn', word: 'Partly up', why: [...names, ...server.ills.map(illText)].join(', '), trouble: true };
  }
  if (server.ills.length > 0) {
    return { level: 'warn', word: 'Ailing', why: server.ills.map(illText).join('; '), trouble: true };
  }
  return { level: 'ok', word: 'Up', why: '', trouble: false };
};
