import { bar, candidateTable, legend, totalOf } from './bars.js';
import { call } from './api.js';
import { byId, h, say } from './dom.js';
import { clock, count, duration } from './format.js';
import { openDialog, wordsOf } from './dialogs.js';
import { badge } from './status.js';

const ROWS = 20;
const WORTH_MARKING_MS = 200;

const RESULTS = {
  served: ['ok', 'served'],
  'client-error': ['off', 'client error'],
  'client-left': ['off', 'client left'],
  failed: ['bad', 'failed'],
  refused: ['warn', 'refused'],
};

const resultOf = ({ outcome, status, error }) => {
  const [level, word] = RESULTS[outcome] ?? ['off', outcome];
  return badge(level, outcome === 'served' ? word : `${word} ${outcome === 'refused' ? (error ?? status) : status}`);
};

/** What was foreseen beside what came, and how far apart they are. */
const comparison = ({ streamed, foreseenMs: foreseen, seenMs: seen }) => {
  const ratio = foreseen > 0 && seen > 0 ? seen / foreseen : undefined;
  // Twice as long matters to nobody where both are a blink.
  const off = ratio !== undefined && (ratio > 2 || ratio < 0.5) && Math.abs(seen - foreseen) > WORTH_MARKING_MS;
  return h(
    'div',
    {
      class: 'compare',
      title: streamed ? 'Until the first token, from the arrival' : 'Until the end of the answer, from the arrival',
    },
    h('span', {}, h('span', { class: 'quiet', text: 'foreseen ' }), h('b', { text: duration(foreseen) })),
    h('span', {}, h('span', { class: 'quiet', text: streamed ? 'seen ' : 'took ' }), h('b', { text: duration(seen) })),
    h('span', {
      class: off ? 'off-mark' : 'quiet',
      text: ratio === undefined ? '' : `× ${ratio.toFixed(ratio < 0.1 ? 2 : ratio < 10 ? 1 : 0)}`,
    }),
  );
};

const row = (each, open) =>
  h(
    'div',
    { class: 'decision', role: 'listitem' },
    h('time', { class: 'num quiet', datetime: each.time, text: clock(each.time) }),
    h(
      'div',
      { class: 'what' },
      h('button', {
        type: 'button',
        class: 'link',
        'aria-haspopup': 'dialog',
        'data-id': each.id,
        text: each.model ?? each.endpoint,
        on: { click: () => open(each.id) },
      }),
      h('span', { class: 'quiet', text: each.category ?? each.endpoint }),
    ),
    h(
      'div',
      { class: 'where' },
      h('span', { class: 'name', title: each.why ?? '', text: each.backend ?? 'nobody' }),
      h('span', {
        class: 'quiet',
        text: each.attempts > 1 ? count(each.attempts, 'attempt') : each.candidates > 0 ? `of ${each.candidates}` : '',
      }),
    ),
    h(
      'div',
      { class: 'cost' },
      each.terms === null ? h('span', { class: 'quiet', text: 'not ranked by cost' }) : bar(each.terms),
      each.terms !== null && h('span', { class: 'num', text: duration(totalOf(each.terms)) }),
    ),
    comparison(each),
    h('div', { class: 'result' }, resultOf(each)),
  );

const facts = (pairs) =>
  h(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== undefined && value !== null && value !== '')
      .map(([name, value]) => h('div', {}, h('dt', { text: name }), h('dd', { text: value }))),
  );

const attemptPart = (attempt, all) =>
  h(
    'section',
    {},
    h('h3', { text: all > 1 ? `Attempt ${attempt.attempt}` : 'How it was decided' }),
    h('p', {
      class: 'quiet',
      text: `${count(attempt.promptTokens, 'prompt token')}, an answer of about ${attempt.outputTokens}; decided ${attempt.decisions === 1 ? 'once' : `${attempt.decisions} times`}`,
    }),
    candidateTable(attempt.candidates),
    attempt.leftOut > 0 && h('p', { class: 'quiet', text: `and ${attempt.leftOut} more` }),
  );

const openDecision = async (id) => {
  const body = h('div', { class: 'why-body' }, h('p', { class: 'quiet', text: 'Asking…' }));
  openDialog({ title: 'Why this server', body, actions: [], wide: true });
  try {
    const why = await call('GET', `decisions/${encodeURIComponent(id)}`);
    const { decided } = why;
    const chosen = decided?.attempts.at(-1)?.candidates.find((each) => each.chosen);
    const seen = decided?.observed;
    body.replaceChildren(
      facts([
        ['Request', id],
        ['Model', why.model ?? decided?.model],
        ['Category', why.categoryWhy ? `${why.category}: ${why.categoryWhy}` : why.category],
        ['Strategy', why.strategy],
        ['Result', why.outcome && `${why.outcome}, ${why.status}${why.error ? `, ${why.error}` : ''}`],
        ['In the queue', why.queueMs === undefined ? undefined : duration(why.queueMs)],
        [
          'First token',
          `foreseen ${duration(chosen?.predicted.firstTokenMs)}, seen ${duration(seen?.firstByteMs ?? why.firstByteMs)}`,
        ],
        ['End', `foreseen ${duration(chosen?.predicted.totalMs)}, seen ${duration(seen?.totalMs ?? why.totalMs)}`],
        ...(why.attempts ?? []).map((each, i) => [
          `Attempt ${i + 1}`,
          `${each.backend}: ${each.outcome.kind}${each.outcome.message ? `, ${each.outcome.message}` : ''} (${each.why})`,
        ]),
      ]),
      ...(decided === undefined
        ? [h('p', { class: 'quiet', text: 'It was not ranked by cost, or that is no longer kept.' })]
        : [
            h('div', { class: 'legend' }, legend()),
            ...decided.attempts.map((each) => attemptPart(each, decided.attempts.length)),
          ]),
    );
  } catch (error) {
    body.replaceChildren(h('p', { class: 'problem', role: 'alert', text: wordsOf(error) }));
  }
};

/** The last requests. Stands still while the pointer or the focus is in it. @returns what shows it anew */
export const createDecisions = (store) => {
  const place = byId('decision-list');
  const hint = byId('decisions-hint');
  byId('legend').replaceChildren(...legend());
  let held = false;
  let shown = '';
  const show = () => {
    if (held) {
      const newest = store.decisions.findIndex(({ id, time }) => `${id}${time}` === shown.split('\n', 1)[0]);
      say(hint, newest === 0 ? 'Newest first · held' : `Newest first · held, ${newest < 0 ? 'many' : newest} newer`);
      return;
    }
    say(hint, 'Newest first');
    const rows = store.decisions.slice(0, ROWS);
    const key = rows.map(({ id, time }) => `${id}${time}`).join('\n');
    if (key === shown && place.childElementCount > 0) return;
    shown = key;
    if (rows.length === 0) {
      place.removeAttribute('role');
      place.replaceChildren(
        h('p', {
          class: 'empty',
          text: 'No request has ended yet. Point a client at the proxy and its decisions appear here.',
        }),
      );
      return;
    }
    place.setAttribute('role', 'list');
    place.replaceChildren(...rows.map((each) => row(each, (id) => void openDecision(id))));
  };
  const hold = (value) => {
    held = value;
    show();
  };
  // After a click the focus stays behind, but nobody is reading there any more.
  const byKeyboard = () => place.querySelector(':focus-visible') !== null;
  place.addEventListener('pointerenter', (event) => event.pointerType === 'mouse' && hold(true));
  place.addEventListener('pointerleave', () => hold(byKeyboard()));
  place.addEventListener('focusin', () => hold(byKeyboard() || place.matches(':hover')));
  place.addEventListener('focusout', () => hold(place.matches(':hover')));
  return show;
};
