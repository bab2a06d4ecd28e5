/** A line in a chart; points by growing x. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Logarithmic x: all x must be > 0. */
  readonly logX: boolean;
  /** y runs from 0 to 1 and is labelled in percent. */
  readonly series: readonly Series[];
}

const WIDTH = 820;
const HEIGHT = 460;
const LEFT = 62;
const RIGHT = 190;
const TOP = 44;
const BOTTOM = 52;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
const PERCENT_TICKS = [0, 0.2, 0.4, 0.6, 0.8, 0.9, 1];

/** Of middle lightness, so that they show on white and on black (after Okabe and Ito, who chose for colour-blind eyes). */
const COLOURS = ['#d55e00', '#0a84c6', '#009e73', '#cc79a7', '#b08900', '#7f6fd1', '#8a8a8a', '#a0522d'];
/** Colours come round; dashes tell the rounds apart. */
const DASHES = ['', '7 4', '2 3'];

const STYLE = [
  'text{font:13px system-ui,sans-serif;fill:#222}',
  '.title{font-size:16px;font-weight:600}',
  '.grid{stroke:#8884;stroke-width:1}',
  '.line{fill:none;stroke-width:2;stroke-linejoin:round}',
  '.paper{fill:#fff}',
  '@media (prefers-color-scheme:dark){text{fill:#ddd}.paper{fill:#161616}}',
].join('');

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const digits = (value: number): string => value.toFixed(1);

/** Round values between the ends: powers of ten, or about six steps. */
const ticksOf = (low: number, high: number, log: boolean): readonly number[] => {
  const ticks: number[] = [];
  if (log) {
    for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power += 1) ticks.push(10 ** power);
    return ticks;
  }
  const rough = (high - low) / 6;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = magnitude * ([1, 2, 5].find((factor) => factor * magnitude >= rough) ?? 10);
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  return ticks;
};

/** A line chart as an SVG text, readable in light and in dark surroundings. Throws if there is no point to draw. */
export const lineChart = ({ title, xLabel, yLabel, logX, series }: Chart): string => {
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  if (xs.length === 0) throw new Error(`chart "${title}" has no points`);
  const low = Math.min(...xs);
  const high = Math.max(...xs);
  const scale = (x: number): number => (logX ? Math.log10(x) : x);
  const range = Math.max(1e-9, scale(high) - scale(low));
  const px = (x: number): string => digits(LEFT + ((scale(x) - scale(low)) / range) * PLOT_WIDTH);
  const py = (y: number): string => digits(TOP + (1 - y) * PLOT_HEIGHT);

  const yGrid = PERCENT_TICKS.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${LEFT + PLOT_WIDTH}" y1="${py(tick)}" y2="${py(tick)}"/>` +
      `<text x="${LEFT - 8}" y="${py(tick)}" dy=".35em" text-anchor="end">${Math.round(tick * 100)}</text>`,
  );
  const xGrid = ticksOf(low, high, logX).map(
    (tick) =>
      `<line class="grid" x1="${px(tick)}" x2="${px(tick)}" y1="${TOP}" y2="${TOP + PLOT_HEIGHT}"/>` +
      `<text x="${px(tick)}" y="${TOP + PLOT_HEIGHT + 18}" text-anchor="middle">${Number(tick.toPrecision(6))}</text>`,
  );
  const lines = series.map(({ name, points }, index) => {
    const stroke = COLOURS[index % COLOURS.length] ?? '';
    const dash = DASHES[Math.floor(index / COLOURS.length) % DASHES.length] ?? '';
    const look = `class="line" stroke="${stroke}"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}`;
    const y = TOP + 8 + index * 20;
    const x = LEFT + PLOT_WIDTH + 16;
    return (
      `<polyline ${look} points="${points.map(([x, y]) => `${px(x)},${py(y)}`).join(' ')}"/>` +
      `<line ${look} x1="${x}" x2="${x + 26}" y1="${y}" y2="${y}"/>` +
      `<text x="${x + 32}" y="${y}" dy=".35em">${escaped(name)}</text>`
    );
  });
  const middle = TOP + PLOT_HEIGHT / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style><rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${LEFT}" y="26">${escaped(title)}</text>`,
    ...yGrid,
    ...xGrid,
    ...lines,
    `<text x="${LEFT + PLOT_WIDTH / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(xLabel)}</text>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    '</svg>\n',
  ].join('\n');
};

/** Points of a distribution: enough for a smooth line, and few enough for a small file. */
const CDF_POINTS = 200;
/** The least value on a logarithmic axis of seconds. */
const LEAST_SECONDS = 0.02;

/** The share of values (ms) up to each time (s). */
export const distribution = (name: string, sortedMs: readonly number[]): Series => ({
  name,
  points: Array.from({ length: CDF_POINTS + 1 }, (_, index) => {
    const at = Math.round((index / CDF_POINTS) * (sortedMs.length - 1));
    return [Math.max(LEAST_SECONDS, (sortedMs[at] ?? 0) / 1000), index / CDF_POINTS] as const;
  }),
});
