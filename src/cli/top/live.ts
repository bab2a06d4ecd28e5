import { setTimeout as wait } from 'node:timers/promises';
import { AdminCallError } from '../admin-client.ts';
import type { AdminTarget } from '../admin-flags.ts';
import type { LiveTerminal } from '../tty.ts';
import { readFeed } from './feed.ts';
import { lineText } from './lines.ts';
import type { TopState } from './model.ts';
import { afterEvent, isSnapshot, readSnapshot } from './read.ts';
import { renderTop } from './render.ts';
import { Screen } from './screen.ts';

export interface WatchIo {
  readonly live: LiveTerminal;
  onStop(fn: () => Promise<void>): void;
  onReload(fn: () => void): void;
  atExit(fn: () => void): void;
  /** ms since 1970 as a time of day. */
  readonly timeOf: (ms: number) => string;
}

/** What comes within so many ms is drawn at once. */
const DRAW_MS = 50;
/** Between two tries: as often as a person would press a key, and no load on anything. */
const RETRY_MS = 2_000;

const KEYS = 'q quits   ↑ ↓ scroll servers';
const QUIT: ReadonlySet<string> = new Set(['q', 'Q', '\u0003']);
/** Lines that each key moves the list of servers by; the longest list that is left out of sight ends it. */
const MOVES: Readonly<Record<string, number>> = {
  '\u001B[A': -1,
  '\u001BOA': -1,
  k: -1,
  '\u001B[B': 1,
  '\u001BOB': 1,
  j: 1,
  '\u001B[5~': -10,
  '\u001B[6~': 10,
};

/**
 * The live view, until `q`, Ctrl-C, a signal or the end of the terminal; gives the terminal back as it was. A proxy that
 * cannot be reached, or goes away, is said to be so and tried again.
 * @param retryMs between two tries
 * @throws {AdminCallError} when trying again would not help: a token that is wrong, something that is no admin listener
 */
export const watch = async (target: AdminTarget, io: WatchIo, retryMs = RETRY_MS): Promise<void> => {
  const { live } = io;
  const screen = new Screen((text) => live.write(text));
  const end = new AbortController();
  let state: TopState | undefined;
  let trouble: string | undefined;
  let scroll = 0;
  let timer: NodeJS.Timeout | undefined;

  const draw = (): void => {
    timer = undefined;
    const { columns, rows } = live.size();
    // The last column stays free, see Screen.draw.
    const view = { columns: columns - 1, rows, scroll, admin: target.admin, trouble, keys: KEYS, timeOf: io.timeOf };
    screen.draw(renderTop(state, view).map((line) => lineText(line, live.color)));
  };
  const soon = (): void => {
    timer ??= setTimeout(draw, DRAW_MS);
  };
  const quit = (): void => end.abort();
  io.onStop(() => {
    quit();
    return Promise.resolve();
  });
  io.onReload(quit);
  io.atExit(() => screen.close());

  const key = (pressed: string): void => {
    if (QUIT.has(pressed)) return quit();
    const move = MOVES[pressed];
    if (move === undefined) return;
    scroll = Math.max(0, Math.min(scroll + move, (state?.servers.length ?? 1) - 1));
    draw();
  };
  const resize = (): void => {
    screen.resized();
    draw();
  };
  screen.open();
  live.listen({ key, resize, gone: quit });
  try {
    draw();
    while (!end.signal.aborted) {
      try {
        for await (const { event, value } of readFeed(target, end.signal)) {
          if (event === 'snapshot') {
            if (!isSnapshot(value)) throw new AdminCallError(`${target.admin} is no router of this version`);
            state = readSnapshot(value);
          } else if (state !== undefined) {
            state = afterEvent(state, event, value);
          }
          trouble = undefined;
          soon();
        }
        if (end.signal.aborted) return;
        trouble = 'the proxy ended the connection';
      } catch (error) {
        if (!(error instanceof AdminCallError) || !error.passing) throw error;
        trouble = error.message;
      }
      soon();
      // Rejects when it is told to end meanwhile.
      await wait(retryMs, undefined, { signal: end.signal }).catch(() => undefined);
    }
  } finally {
    clearTimeout(timer);
    live.release();
    screen.close();
  }
};
