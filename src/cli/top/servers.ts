import { bytes } from './amounts.ts';
import { fit, fitRight, span, widthOf, type Line } from './lines.ts';
import type { Level, TopModel, TopServer } from './model.ts';

/** A state is told by its colour, by this, and in words. */
const SHAPES: Readonly<Record<Level, string>> = { ok: '●', warn: '▲', bad: '■', busy: '◐', off: '○' };
/** Worst first. */
const ORDER: Readonly<Record<Level, number>> = { bad: 0, warn: 1, busy: 2, off: 3, ok: 4 };

const SLOTS_WIDTH = 7;
/** A name gets at most this share of a line, and its column is never narrower than its heading. */
const NAME_SHARE = 0.3;
const LEAST_NAME = 6;

/** Where a model lies, as far as it does not lie where it should. */
const placeOf = ({ sizeBytes, vramBytes }: TopModel): string => {
  if (vramBytes >= sizeBytes) return '';
  if (vramBytes === 0) return ' on the CPU';
  return `, ${Math.floor((vramBytes / sizeBytes) * 100)} % in video memory`;
};

const modelText = (model: TopModel): string => {
  const { name, running, slots, sizeBytes } = model;
  const said = [
    ...(running > 0 ? [`${running} of ${slots ?? '?'}`] : []),
    ...(sizeBytes > 0 ? [`${bytes(sizeBytes)}${placeOf(model)}`] : []),
  ];
  return said.length === 0 ? name : `${name} (${said.join(', ')})`;
};

/** Requests that run, and the places of what is in memory: `2/4`; without the second number where nothing is known. */
const slotsText = ({ running, loaded }: TopServer): string => {
  if (loaded.length === 0) return String(running);
  const places = loaded.reduce((sum, { slots }) => sum + (slots ?? NaN), 0);
  return `${running}/${Number.isNaN(places) ? '?' : places}`;
};

const countsText = (left: readonly TopServer[]): string => {
  const words = new Map<string, number>();
  for (const { word } of left) words.set(word, (words.get(word) ?? 0) + 1);
  const running = left.reduce((sum, each) => sum + each.running, 0);
  const states = [...words].map(([word, count]) => `${count} ${word}`).join(', ');
  return `  and ${left.length} more: ${states}; ${running} running`;
};

export interface ServersView {
  readonly columns: number;
  /** Lines below the heading. */
  readonly rows: number;
  readonly scroll: number;
}

/**
 * One line for each server below a heading: state, requests and slots, what is wrong, and what is in memory. In the order
 * given while there is room for all, so that nobody moves; else the ones in trouble come first and the last line counts
 * those left out.
 */
export const serverLines = (servers: readonly TopServer[], { columns, rows, scroll }: ServersView): readonly Line[] => {
  const all = servers.length <= rows;
  const sorted = all ? servers : servers.toSorted((a, b) => ORDER[a.level] - ORDER[b.level]);
  const room = all ? servers.length : Math.max(0, rows - 1);
  const from = Math.max(0, Math.min(scroll, servers.length - room));
  const shown = sorted.slice(from, from + room);
  const left = [...sorted.slice(0, from), ...sorted.slice(from + room)];

  const widest = Math.max(LEAST_NAME, ...servers.map(({ name }) => widthOf(name)));
  const nameWidth = Math.min(widest, Math.max(LEAST_NAME, Math.floor(columns * NAME_SHARE)));
  const wordWidth = Math.max('state'.length, ...servers.map(({ word }) => word.length));
  const lines: Line[] = [
    [
      span(
        `${fit('SERVER', nameWidth)}  ${fit('  STATE', wordWidth + 2)} ${fitRight('SLOTS', SLOTS_WIDTH)}  IN MEMORY`,
        'quiet',
      ),
    ],
    ...shown.map((server): Line => {
      const { name, level, word, why, loaded } = server;
      const memory = loaded.map(modelText).join(', ');
      return [
        span(`${fit(name, nameWidth)}  `),
        span(`${SHAPES[level]} ${fit(word, wordWidth)}`, level),
        span(` ${fitRight(slotsText(server), SLOTS_WIDTH)}  `),
        ...(why === '' ? [] : [span(why, level), span(memory === '' ? '' : '; ')]),
        memory === '' && why === '' ? span('nothing', 'quiet') : span(memory),
      ];
    }),
  ];
  if (servers.length === 0) lines.push([span('no server is configured: every request is refused', 'warn')]);
  if (left.length > 0 && rows > 0) lines.push([span(countsText(left), 'quiet')]);
  return lines;
};
