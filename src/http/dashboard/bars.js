import { h } from './dom.js';
import { duration } from './format.js';

/** The parts of a cost in the order in which they are added up, with what each is. */
export const TERMS = [
  ['wait', 'waiting for a slot'],
  ['load', 'loading the model'],
  ['prefill', 'reading the prompt'],
  ['decode', 'writing the answer'],
  ['slowdown', 'slower beside others'],
  ['evict', 'models pushed out'],
  ['harm', 'delay of others'],
  ['congestion', 'price while others queue'],
  ['risk', 'risk of failure'],
];

const known = (terms) =>
  TERMS.map(([name, meaning]) => ({ name, meaning, ms: terms[name] })).filter(({ ms }) => ms === null || ms > 0);

/** What all parts add up to; null where one of them has no end. */
export const totalOf = (terms) => {
  const parts = known(terms);
  return parts.some(({ ms }) => ms === null) ? null : parts.reduce((sum, { ms }) => sum + ms, 0);
};

const spoken = (parts) =>
  parts.length === 0
    ? 'no cost'
    : parts.map(({ name, ms }) => `${name} ${ms === null ? 'endless' : duration(ms)}`).join(', ');

/**
 * A stacked bar of a cost.
 * @param terms its parts in ms @param scale ms that the full width stands for; undefined = the whole of this one
 */
export const bar = (terms, scale) => {
  const parts = known(terms);
  const total = totalOf(terms) ?? scale ?? 0;
  const full = Math.max(scale ?? total, 1e-9);
  const label = spoken(parts);
  const track = h('div', { class: 'stack', role: 'img', 'aria-label': `Cost: ${label}`, title: label });
  for (const { name, ms } of parts) {
    const share = ms === null ? 1 : ms / full;
    // Less than a third of a percent is less than a pixel.
    if (share < 0.003) continue;
    const piece = h('span', { class: `term ${name}` });
    piece.style.setProperty('width', `${Math.min(100, share * 100)}%`);
    track.append(piece);
  }
  return track;
};

export const legend = () =>
  TERMS.map(([name, meaning]) =>
    h('span', { class: 'key', title: meaning }, h('i', { class: `term ${name}` }), h('span', { text: name })),
  );

/** Candidates of one ranking beside each other, on one scale. */
export const candidateTable = (candidates) => {
  const totals = candidates.map(({ terms }) => totalOf(terms) ?? 0);
  const scale = Math.max(...totals, 1);
  const rows = candidates.map((each) =>
    h(
      'div',
      { class: `candidate${each.chosen ? ' chosen' : ''}`, role: 'listitem' },
      h(
        'div',
        { class: 'who' },
        h('strong', { text: each.backend }),
        each.chosen && h('span', { class: 'tag', text: each.ready ? 'chosen' : 'waits for it' }),
        h('span', { class: 'quiet', text: each.model }),
      ),
      bar(each.terms, scale),
      h('div', { class: 'num', text: duration(totalOf(each.terms)) }),
      h('div', {
        class: 'quiet detail',
        text: [
          `first token ${duration(each.predicted.firstTokenMs)}`,
          `end ${duration(each.predicted.totalMs)}`,
          `${Math.round(each.predicted.cachedTokens ?? 0)} tokens remembered`,
          `succeeds ${Math.round(each.successRate * 100)} %`,
        ].join(' · '),
      }),
    ),
  );
  return h('div', { class: 'candidates', role: 'list', 'aria-label': 'Servers that were weighed, best first' }, rows);
};
