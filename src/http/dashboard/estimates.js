import { call } from './api.js';
import { byId, h } from './dom.js';
import { amount, duration, span } from './format.js';
import { wordsOf } from './dialogs.js';

const REFRESH_MS = 10_000;
/** Rows that a page shows without becoming slow. */
const MOST_ROWS = 200;

/** A learned number with what stands behind it. */
const learned = ({ samples, ageMs }, text) =>
  h(
    'td',
    { class: 'num' },
    h('span', { text }),
    h('span', {
      class: 'quiet behind',
      text: samples < 0.05 ? 'a guess' : `${amount(Math.round(samples * 10) / 10)} seen · ${span(ageMs)} ago`,
    }),
  );

const perSecond = (msPerToken) => (msPerToken > 0 ? `${amount(1_000 / msPerToken)} tok/s` : '–');

/** What is known about models on servers, as a table. @param withServer with a column for the server */
export const estimateTable = (backends, withServer) => {
  const all = backends.flatMap((backend) => backend.models.map((model) => ({ backend, model })));
  if (all.length === 0) return h('p', { class: 'empty', text: 'Nothing has been learned yet.' });
  const rows = all
    .slice(0, MOST_ROWS)
    .map(({ backend, model }) =>
      h(
        'tr',
        {},
        withServer && h('td', { text: backend.name }),
        h('th', { scope: 'row', text: model.model }),
        learned(model.prefillMsPerToken, perSecond(model.prefillMsPerToken.value)),
        learned(model.decodeMsPerToken, perSecond(model.decodeMsPerToken.value)),
        learned(model.loadMs, duration(model.loadMs.value)),
        learned(model.slots, amount(model.slots.value)),
        h('td', { class: 'num', text: `× ${amount(model.slowFirst)}` }),
      ),
    );
  const heads = [withServer && 'Server', 'Model', 'Reads', 'Writes', 'Loads in', 'Slots', 'Off by'].filter(Boolean);
  return h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        heads.map((text, i) => h('th', { scope: 'col', class: i > (withServer ? 1 : 0) ? 'num' : '', text })),
      ),
    ),
    h('tbody', {}, rows),
    all.length > MOST_ROWS && h('caption', { text: `The first ${MOST_ROWS} of ${all.length}` }),
  );
};

/** The section at the end of the page: read when it is opened, and every ten seconds while it is. */
export const createEstimates = () => {
  const details = byId('estimates');
  const place = byId('estimate-table');
  let timer;
  const read = async () => {
    try {
      const { backends } = await call('GET', 'estimates');
      place.replaceChildren(estimateTable(backends, true));
    } catch (error) {
      place.replaceChildren(h('p', { class: 'problem', text: wordsOf(error) }));
    }
  };
  details.addEventListener('toggle', () => {
    clearInterval(timer);
    if (!details.open) return;
    void read();
    timer = setInterval(() => void read(), REFRESH_MS);
  });
};
