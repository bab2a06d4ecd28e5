import { h, s, say } from './dom.js';
import { amount, clock, duration } from './format.js';

const HEIGHT = 132;
const LEFT = 48;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;
const STEPS = 360;
const STEP_MS = 10_000;

/** The next of 1, 2, 5 · 10ⁿ: an axis ends at a number that people count in. */
const roundUp = (value) => {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= value * 0.999);
};

/** One chart of the last hour. Arrow keys move along it as the pointer does. */
class Chart {
  #lines;
  #format;
  #tick;
  /** Where the axis ends at least: noise near zero is not to fill the chart. */
  #least;
  #readout;
  #svg;
  #points = [];
  #marked;
  #width = 0;
  #title;

  constructor({ title, lines, format, tick = format, least = 1 }) {
    this.#lines = lines;
    this.#tick = tick;
    this.#least = least;
    this.#format = format;
    this.#title = title;
    this.#readout = h('span', { class: 'readout' });
    this.#svg = s('svg', { class: 'plot', height: HEIGHT, role: 'img', tabindex: 0, 'aria-label': title });
    this.element = h(
      'figure',
      { class: 'panel chart' },
      h(
        'figcaption',
        {},
        h('h3', { text: title }),
        h(
          'span',
          { class: 'keys' },
          lines.map(
            ({ label, look }) => label && h('span', { class: `key line ${look}` }, h('i'), h('span', { text: label })),
          ),
        ),
        this.#readout,
      ),
      this.#svg,
    );
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width === this.#width) return;
      this.#width = width;
      this.#paint();
    }).observe(this.#svg);
    this.#svg.addEventListener('pointermove', (event) => {
      const box = this.#svg.getBoundingClientRect();
      this.#mark(Math.round(((event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT)) * (STEPS - 1)));
    });
    this.#svg.addEventListener('pointerleave', () => this.#mark(undefined));
    this.#svg.addEventListener('blur', () => this.#mark(undefined));
    this.#svg.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -6, ArrowRight: 6 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.#mark((this.#marked ?? STEPS - 1) + step);
    });
  }

  draw(points) {
    this.#points = points;
    this.#paint();
  }

  #mark(slot) {
    this.#marked = slot === undefined ? undefined : Math.min(STEPS - 1, Math.max(0, slot));
    this.#paint();
  }

  #valueText(point) {
    return this.#lines
      .map(({ key, label }) => `${label ? `${label} ` : ''}${point === undefined ? '–' : this.#format(point[key])}`)
      .join(' · ');
  }

  #paint() {
    if (this.#width === 0) return;
    const points = this.#points;
    const offset = STEPS - points.length;
    const inner = this.#width - LEFT - RIGHT;
    const x = (slot) => LEFT + (slot / (STEPS - 1)) * inner;
    const values = points.flatMap((point) => this.#lines.map(({ key }) => point[key] ?? 0));
    const top = roundUp(Math.max(this.#least, ...values));
    const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
    const path = (key) => {
      let open = false;
      let d = '';
      points.forEach((point, i) => {
        const value = point[key];
        if (value === null) {
          open = false;
          return;
        }
        // A point without a neighbour is a dot.
        d += `${open ? 'L' : 'M'}${x(offset + i).toFixed(1)} ${y(value).toFixed(1)}${open ? '' : 'h.01'}`;
        open = true;
      });
      return d;
    };
    const grid = [0, 0.5, 1].map((share) => [
      s('line', { class: 'grid', x1: LEFT, x2: this.#width - RIGHT, y1: y(top * share), y2: y(top * share) }),
      s('text', { class: 'tick', x: LEFT - 8, y: y(top * share) + 4, 'text-anchor': 'end' }, this.#tick(top * share)),
    ]);
    const ends = [
      s('text', { class: 'tick', x: LEFT, y: HEIGHT - 4 }, '1 h ago'),
      s('text', { class: 'tick', x: this.#width - RIGHT, y: HEIGHT - 4, 'text-anchor': 'end' }, 'now'),
    ];
    const lines = this.#lines.map(({ key, look }) => s('path', { class: `curve ${look}`, d: path(key) }));
    const marked = this.#marked === undefined ? undefined : points[this.#marked - offset];
    const cross =
      this.#marked !== undefined &&
      s('line', { class: 'cross', x1: x(this.#marked), x2: x(this.#marked), y1: TOP, y2: HEIGHT - BOTTOM });
    this.#svg.replaceChildren(...grid.flat(), ...ends, ...lines, ...(cross ? [cross] : []));
    const last = points.at(-1);
    const at = marked ?? last;
    const when = this.#marked === undefined ? '' : marked === undefined ? 'no data · ' : `${clock(marked.at)} · `;
    say(this.#readout, this.#marked !== undefined && marked === undefined ? 'no data' : when + this.#valueText(at));
    this.#svg.setAttribute('aria-label', `${this.#title} over the last hour; ${when || 'now '}${this.#valueText(at)}`);
  }
}

/** The charts of the last hour. @returns what draws them anew */
export const createCharts = (place) => {
  const charts = [
    {
      title: 'First token',
      format: duration,
      tick: (ms) => (ms >= 1_000 ? `${ms / 1_000} s` : ms === 0 ? '0' : `${ms} ms`),
      least: 100,
      lines: [
        { key: 'firstTokenP50Ms', label: 'p50', look: 'a' },
        { key: 'firstTokenP95Ms', label: 'p95', look: 'b' },
      ],
    },
    {
      title: 'Tokens /s',
      format: amount,
      lines: [
        { key: 'tokensOutPerSecond', label: 'out', look: 'a' },
        { key: 'tokensInPerSecond', label: 'in', look: 'b' },
      ],
    },
    {
      title: 'Requests /s',
      format: amount,
      lines: [
        { key: 'requestsPerSecond', label: 'all', look: 'a' },
        { key: 'failedPerSecond', label: 'failed', look: 'c' },
      ],
    },
    {
      title: 'At once',
      format: amount,
      lines: [
        { key: 'inflight', label: 'running', look: 'a' },
        { key: 'waiting', label: 'waiting', look: 'b' },
      ],
    },
  ].map((options) => new Chart(options));
  place.replaceChildren(...charts.map(({ element }) => element));
  return (points) => {
    // A page that was away for a while shows what it knows at its time, not squeezed together.
    const recent = points.filter(({ at }) => at > (points.at(-1)?.at ?? 0) - STEPS * STEP_MS);
    for (const chart of charts) chart.draw(recent);
  };
};
