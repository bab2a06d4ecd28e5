import { MEASURES, type Row } from './report.ts';

const WIDTH = 760;
const LEFT = 90;
const BAR = 16;
const TITLE = 24;
const BLOCK_GAP = 14;
const LABEL_ROOM = 130;
const COLOURS: Readonly<Record<string, string>> = {
  direct: '#9aa5b1',
  proxy: '#1f6feb',
  relay: '#8a63d2',
  nginx: '#2da44e',
  haproxy: '#bf8700',
};

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Bars of medians with a line from lowest to highest, one block for each measure, each to its own scale. */
export const plot = (rows: readonly Row[]): string => {
  const parts: string[] = [];
  let y = BLOCK_GAP;
  for (const { key, title, digits } of MEASURES) {
    const own = rows.filter(({ measure }) => measure === key);
    if (own.length === 0) continue;
    parts.push(`<text x="8" y="${y + 14}" font-weight="600">${escaped(title)}</text>`);
    y += TITLE;
    const most = Math.max(...own.map(({ max }) => max));
    const scale = most > 0 ? (WIDTH - LEFT - LABEL_ROOM) / most : 0;
    for (const { target, median, min, max } of own) {
      const middle = y + BAR / 2;
      parts.push(
        `<text x="${LEFT - 6}" y="${y + 12}" text-anchor="end">${target}</text>`,
        `<rect x="${LEFT}" y="${y + 2}" width="${(median * scale).toFixed(1)}" height="${BAR - 4}" fill="${COLOURS[target] ?? '#57606a'}"/>`,
        `<line x1="${(LEFT + min * scale).toFixed(1)}" x2="${(LEFT + max * scale).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#24292f"/>`,
        `<text x="${(LEFT + max * scale + 6).toFixed(1)}" y="${y + 12}">${median.toFixed(digits)}</text>`,
      );
      y += BAR;
    }
    y += BLOCK_GAP;
  }
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="12" fill="#24292f">`;
  return [open, `<rect width="100%" height="100%" fill="#ffffff"/>`, ...parts, '</svg>', ''].join('\n');
};
