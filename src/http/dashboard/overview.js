import { byId, h, say } from './dom.js';
import { amount, bytes, count, duration } from './format.js';
import { shape, stateOf } from './status.js';

const CLASSES = ['interactive', 'normal', 'batch'];

const tile = (title) => {
  const value = h('p', { class: 'value', text: '–' });
  const note = h('p', { class: 'quiet note' }, '\u00a0');
  const element = h('div', { class: 'panel tile' }, h('h2', { text: title }), value, note);
  return {
    element,
    show(number, text) {
      say(value, number);
      say(note, text);
    },
  };
};

const rate = (value) => `${amount(value)} /s`;

/** The numbers at the top. @returns what shows them anew */
export const createVitals = (store) => {
  const tiles = Object.fromEntries(
    [
      ['servers', 'Servers up'],
      ['first', 'First token, typical'],
      ['requests', 'Requests'],
      ['tokens', 'Tokens out'],
      ['running', 'Running'],
      ['waiting', 'Waiting'],
    ].map(([key, title]) => [key, tile(title)]),
  );
  byId('vitals').replaceChildren(...Object.values(tiles).map(({ element }) => element));
  return () => {
    const servers = [...store.servers.values()];
    const up = servers.filter(({ health }) => health === 'up').length;
    const off = servers.filter(({ enabled }) => !enabled).length;
    const draining = servers.filter((server) => server.enabled && server.draining).length;
    const running = servers.reduce((sum, { inflight }) => sum + inflight, 0);
    const slots = servers
      .filter(({ health, enabled }) => health === 'up' && enabled)
      .flatMap(({ models }) => models)
      .reduce((sum, { loaded, slots: each }) => sum + (loaded ? (each ?? 0) : 0), 0);
    const { rates, queue } = store;
    const down = servers.filter((server) => server.enabled && server.health === 'down').length;
    const parts = [down > 0 && `${down} down`, off > 0 && `${off} off`, draining > 0 && `${draining} draining`];
    const note = parts.filter(Boolean).join(', ') || (servers.length === 0 ? 'none configured' : 'all in service');
    tiles.servers.show(servers.length === 0 ? '0' : `${up} of ${servers.length}`, note);
    tiles.first.show(duration(rates.firstTokenP50Ms), `95 % within ${duration(rates.firstTokenP95Ms)}`);
    tiles.requests.show(rate(rates.requestsPerSecond), `${rate(rates.failedPerSecond)} failed`);
    tiles.tokens.show(rate(rates.tokensOutPerSecond), `${rate(rates.tokensInPerSecond)} in`);
    tiles.running.show(String(running), `of ${count(slots, 'loaded slot')}`);
    const waiting = CLASSES.reduce((sum, each) => sum + queue.waiting[each], 0);
    tiles.waiting.show(String(waiting), waiting === 0 ? 'nobody queues' : `${bytes(queue.bytes)} held`);
  };
};

/** Who waits, by class. @returns what shows it anew */
export const createQueue = (store) => {
  const rows = CLASSES.map((name) => {
    const fill = h('span', { class: 'fill' });
    const number = h('span', { class: 'num', text: '–' });
    return {
      name,
      fill,
      number,
      element: h('div', { class: 'lane' }, h('span', { text: name }), h('span', { class: 'track' }, fill), number),
    };
  });
  const foot = h('p', { class: 'quiet note' }, '\u00a0');
  byId('queue').replaceChildren(...rows.map(({ element }) => element), foot);
  return () => {
    const { waiting, counts } = store.queue;
    const most = Math.max(10, ...CLASSES.map((each) => waiting[each]));
    for (const { name, fill, number } of rows) {
      fill.style.setProperty('width', `${(waiting[name] / most) * 100}%`);
      say(number, amount(waiting[name]));
    }
    say(foot, `Since the start: ${amount(counts.promotions)} moved up, ${amount(counts.shed)} turned away`);
  };
};

const needs = (store) => {
  const servers = [...store.servers.values()];
  const found = [];
  if (servers.length === 0) {
    found.push({ level: 'warn', text: 'No server is configured: every request is refused.' });
  } else if (servers.every(({ health }) => health !== 'up')) {
    found.push({ level: 'bad', text: 'No server is up: every request is refused.' });
  }
  if (store.status.reason === 'draining') found.push({ level: 'busy', text: 'The proxy is shutting down.' });
  const [reload] = store.reloads;
  if (reload?.ok === false) {
    found.push({ level: 'warn', text: `The configuration was not reloaded: ${reload.issues.join('; ')}` });
  }
  const order = { bad: 0, warn: 1, busy: 2, off: 3, ok: 4 };
  const states = servers
    .map((server) => ({ server, state: stateOf(server) }))
    .filter(({ state }) => state.level !== 'ok' && state.word !== 'Checking')
    .sort((a, b) => order[a.state.level] - order[b.state.level]);
  for (const { server, state } of states) {
    found.push({ level: state.level, server: server.name, text: `${state.word}: ${state.why}` });
  }
  return found;
};

/** What somebody should look at. @param manage opens a server @returns what shows it anew */
export const createAttention = (store, manage) => {
  const place = byId('attention');
  let shown = '';
  return () => {
    const found = needs(store);
    const key = JSON.stringify(found);
    if (key === shown) return;
    shown = key;
    const focused = place.contains(document.activeElement) ? document.activeElement.dataset.server : undefined;
    if (found.length === 0) {
      const word = h('p', { class: 'calm' }, shape('ok'), h('span', { text: 'Nothing needs you.' }));
      place.replaceChildren(word);
      return;
    }
    const items = found.map(({ level, server, text }) =>
      h(
        'li',
        {},
        shape(level),
        server === undefined
          ? undefined
          : h('button', {
              type: 'button',
              class: 'link',
              'data-server': server,
              text: server,
              on: { click: () => manage(server) },
            }),
        h('span', { class: 'text', title: text, text }),
      ),
    );
    place.replaceChildren(h('ul', {}, items));
    if (focused !== undefined) place.querySelector(`[data-server="${CSS.escape(focused)}"]`)?.focus();
  };
};
