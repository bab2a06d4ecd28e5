import { byId, h, say } from './dom.js';
import { bytes, count, span } from './format.js';
import { badge, shape, stateOf } from './status.js';

/** From so many on, rows are one line high. */
const MANY = 13;
/** Chips per row; the panel of the server has them all. */
const MOST_CHIPS = 4;

const leftText = (model, now) => {
  if (!model.loaded) return model.running > 0 ? 'loading' : 'not in memory';
  if (model.expiresAt === null) return model.running > 0 ? '' : 'stays';
  return span(model.expiresAt - now);
};

/** Slots as marks, the ones in use filled; beyond a dozen, as numbers. */
const slots = ({ running, slots: all }) => {
  const most = Math.max(all ?? 0, running);
  const label = all === null ? `${running} running` : `${running} of ${all} slots in use`;
  const marks =
    most > 12 || most === 0
      ? [h('span', { text: all === null ? String(running) : `${running}/${all}` })]
      : Array.from({ length: most }, (_, i) => h('i', { class: i < running ? 'used' : '' }));
  return h('span', { class: 'slots', role: 'img', 'aria-label': label, title: label }, marks);
};

export const chip = (model, now) =>
  h(
    'span',
    { class: `chip${model.breaker === 'closed' ? '' : ' warn'}${model.loaded ? '' : ' absent'}` },
    model.breaker !== 'closed' && shape('warn'),
    h('span', { class: 'name', title: model.name, text: model.name }),
    h('span', {
      class: 'quiet',
      text: [
        model.sizeBytes > 0 && bytes(model.sizeBytes),
        model.loaded &&
          model.sizeBytes > 0 &&
          model.vramBytes < model.sizeBytes * 0.99 &&
          `${Math.round((1 - model.vramBytes / model.sizeBytes) * 100)} % on CPU`,
        model.breaker !== 'closed' && `breaker ${model.breaker}`,
        leftText(model, now),
      ]
        .filter(Boolean)
        .join(' · '),
    }),
    slots(model),
  );

class Row {
  #state = h('div', { class: 'state' });
  #why = h('div', { class: 'quiet why' });
  #chips = h('div', { class: 'chips' });
  #streams = h('div', { class: 'num streams' });
  #weight = h('div', { class: 'num weight' });
  #shown = '';

  constructor(name, manage) {
    this.name = name;
    this.element = h(
      'div',
      { class: 'server', role: 'listitem' },
      h('div', { class: 'id' }, h('strong', { class: 'name', title: name, text: name }), this.#state, this.#why),
      this.#chips,
      this.#streams,
      this.#weight,
      h(
        'button',
        {
          type: 'button',
          class: 'manage',
          'aria-haspopup': 'dialog',
          'aria-label': `Manage ${name}`,
          on: { click: () => manage(name) },
        },
        'Manage',
      ),
    );
  }

  show(server, now) {
    const state = stateOf(server);
    // Expiry is shown to the second near its end only, so a row is drawn anew when something of it would read otherwise.
    const key = JSON.stringify([server, server.models.map((model) => leftText(model, now))]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#state.replaceChildren(badge(state.level, state.word));
    say(this.#why, state.why || `${server.version ?? ''} ${server.zone === 'default' ? '' : server.zone}`.trim());
    this.#why.title = this.#why.textContent;
    this.element.classList.toggle('fine', !state.trouble);
    // What is in its memory is not known of a server that does not answer.
    const known = server.health === 'up' ? server.models : [];
    const chips = known.slice(0, MOST_CHIPS).map((model) => chip(model, now));
    const more = known.length - MOST_CHIPS;
    const none = server.health === 'up' ? `Nothing in memory, ${count(server.installed, 'model')} on disk` : '';
    this.#chips.replaceChildren(
      ...(chips.length > 0 ? chips : [h('span', { class: 'quiet', text: none })]),
      ...(more > 0 ? [h('span', { class: 'quiet', text: `${more} more` })] : []),
    );
    this.#streams.replaceChildren(
      h('b', { text: String(server.inflight) }),
      h('span', { class: 'quiet', text: ' running' }),
    );
    this.#weight.replaceChildren(h('span', { class: 'quiet', text: 'weight ' }), String(server.weight));
  }
}

/** The list of servers. @param manage opens one @returns what shows it anew */
export const createServers = (store, manage) => {
  const place = byId('server-list');
  const filter = byId('filter');
  const trouble = byId('only-trouble');
  const rows = new Map();
  const empty = h('p', { class: 'empty' });
  const fits = (server) => {
    const words = filter.value.trim().toLowerCase();
    if (trouble.checked && !stateOf(server).trouble) return false;
    return (
      words === '' ||
      [server.name, ...server.models.map(({ name }) => name)].some((each) => each.toLowerCase().includes(words))
    );
  };
  const show = () => {
    const now = Date.now() + store.skew;
    for (const name of rows.keys()) if (!store.servers.has(name)) rows.delete(name);
    const wanted = [];
    for (const server of store.servers.values()) {
      const row = rows.get(server.name) ?? new Row(server.name, manage);
      rows.set(server.name, row);
      row.show(server, now);
      if (fits(server)) wanted.push(row.element);
    }
    place.classList.toggle('many', store.servers.size >= MANY);
    if (wanted.length === 0) {
      say(
        empty,
        store.servers.size === 0
          ? 'No servers yet. Name them under “backends” in the configuration and reload, or start the proxy with --backend URL.'
          : 'No server fits.',
      );
      wanted.push(empty);
    }
    // Moving what is in place already would take the focus away.
    const same = wanted.length === place.children.length && wanted.every((each, i) => place.children[i] === each);
    if (!same) {
      const focused = document.activeElement;
      place.replaceChildren(...wanted);
      if (place.contains(focused)) focused.focus();
    }
    // A list of nothing but a sentence is none.
    if (wanted[0] === empty) place.removeAttribute('role');
    else place.setAttribute('role', 'list');
  };
  filter.addEventListener('input', show);
  trouble.addEventListener('change', show);
  return show;
};
