import { call } from './api.js';
import { h, say } from './dom.js';
import { bytes, clock, count, span } from './format.js';
import { confirmDialog, openDialog, wordsOf } from './dialogs.js';
import { estimateTable } from './estimates.js';
import { badge, illText, stateOf } from './status.js';
import { chip } from './servers.js';

const path = (name) => `backends/${encodeURIComponent(name)}`;
const running = (server) =>
  server.inflight === 0 ? 'Nothing runs there now.' : `${count(server.inflight, 'request')} that run there finish.`;

const change = (server, patch, words) =>
  confirmDialog({ ...words, body: h('p', { text: words.text }), run: () => call('PATCH', path(server.name), patch) });

const drain = (server) =>
  server.draining
    ? change(
        server,
        { drain: false },
        {
          title: `Resume ${server.name}?`,
          text: 'It gets new requests again.',
          verb: 'Resume',
          done: `${server.name} is back in service`,
        },
      )
    : change(
        server,
        { drain: true },
        {
          title: `Drain ${server.name}?`,
          text: `It gets no new requests until it is resumed. ${running(server)}`,
          verb: 'Drain',
          done: `${server.name} drains`,
        },
      );

const toggle = (server) =>
  server.enabled
    ? change(
        server,
        { enabled: false },
        {
          title: `Disable ${server.name}?`,
          text: `It gets no requests until it is enabled again. ${running(server)}`,
          verb: 'Disable',
          danger: true,
          done: `${server.name} is off`,
        },
      )
    : change(
        server,
        { enabled: true },
        {
          title: `Enable ${server.name}?`,
          text: 'It gets requests again as soon as it is up.',
          verb: 'Enable',
          done: `${server.name} is on`,
        },
      );

const recover = ({ name }) =>
  confirmDialog({
    title: `Recover ${name}?`,
    body: h('p', {
      text: 'All its circuit breakers are closed, and it is taken for healthy until the next look at it says otherwise. If it is still ill, requests sent there now may fail.',
    }),
    verb: 'Recover',
    run: () => call('POST', `${path(name)}/recover`),
    done: `${name} was recovered`,
  });

const weigh = ({ name, weight }) => {
  const input = h('input', { type: 'number', id: 'weight-input', min: 0.001, max: 1_000, step: 'any', value: weight });
  return confirmDialog({
    title: `Weight of ${name}`,
    body: h(
      'div',
      {},
      h('label', {
        for: 'weight-input',
        text: 'Relative capacity, up to 1000. A server of weight 2 gets twice as much from the simple strategies.',
      }),
      input,
      h('p', { class: 'hint', text: 'Holds until a reload brings another weight from the file.' }),
    ),
    verb: 'Set weight',
    run: () => call('PATCH', path(name), { weight: input.valueAsNumber }),
    done: `${name} has another weight`,
  });
};

/** Everything about one server, and the hand on it. Follows what changes while it is open. */
export const openServer = (store, name) => {
  const state = h('div', { class: 'panel-state' });
  const facts = h('dl', { class: 'facts' });
  const models = h('div', { class: 'chips' });
  const estimates = h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Estimates of ${name}` },
    h('p', { class: 'quiet', text: 'Asking…' }),
  );
  const act = (run) => () => {
    const server = store.servers.get(name);
    if (server !== undefined) void run(server);
  };
  const button = (text, run) =>
    h('button', { type: 'button', text, 'aria-haspopup': 'dialog', on: { click: act(run) } });
  const buttons = {
    weight: button('Weight', weigh),
    drain: button('Drain', drain),
    toggle: button('Disable', toggle),
    recover: button('Recover', recover),
  };
  const show = () => {
    const server = store.servers.get(name);
    for (const each of Object.values(buttons)) each.disabled = server === undefined;
    if (server === undefined) {
      state.replaceChildren(badge('off', 'No longer configured'));
      return;
    }
    const { level, word, why } = stateOf(server);
    state.replaceChildren(badge(level, word), h('span', { class: 'quiet', text: why }));
    const memory = server.models.reduce((sum, each) => sum + each.sizeBytes, 0);
    const pairs = [
      ['Address', server.url],
      ['Ollama', server.version ?? 'not known'],
      ['Zone', server.zone],
      ['Weight', String(server.weight)],
      ['Slots', server.slots === 'auto' ? 'learned' : String(server.slots)],
      ['Running', String(server.inflight)],
      ['Breaker', server.breaker],
      [
        'Models',
        `${server.installed} on disk, ${server.models.filter(({ loaded }) => loaded).length} in memory (${bytes(memory)})`,
      ],
      ...server.ills.map((ill) => [`Ill since ${clock(ill.since)}`, `${illText(ill)}: ${ill.evidence}`]),
    ];
    facts.replaceChildren(...pairs.map(([term, text]) => h('div', {}, h('dt', { text: term }), h('dd', { text }))));
    const now = Date.now() + store.skew;
    models.replaceChildren(...server.models.map((model) => chip(model, now)));
    say(buttons.drain, server.draining ? 'Resume' : 'Drain');
    say(buttons.toggle, server.enabled ? 'Disable' : 'Enable');
  };
  const { closed } = openDialog({
    title: name,
    wide: true,
    body: [state, facts, models, h('h3', { text: 'Estimates' }), estimates],
    actions: Object.values(buttons),
  });
  show();
  const unlisten = store.listen((kind) => {
    if (kind === 'servers' || kind === 'snapshot') show();
  });
  void closed.then(unlisten);
  call('GET', `estimates?backend=${encodeURIComponent(name)}`)
    .then(({ backends }) => {
      const [own] = backends;
      const more =
        own &&
        h('p', {
          class: 'quiet',
          text: `A further busy request slows everybody there by ${Math.round(own.slope.value * 100)} % (${own.slope.samples < 0.05 ? 'a guess' : `${Math.round(own.slope.samples)} seen, ${span(own.slope.ageMs)} ago`}); a round trip takes ${own.roundTripMs.toFixed(1)} ms.`,
        });
      estimates.replaceChildren(estimateTable(backends, false), more ?? '');
    })
    .catch((error) => estimates.replaceChildren(h('p', { class: 'problem', text: wordsOf(error) })));
};
