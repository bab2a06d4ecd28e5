/** Control sequences of xterm that every terminal of the last twenty years takes, and leaves alone if it does not. */
const ESC = '\u001B[';
const ALTERNATE_ON = `${ESC}?1049h`;
const ALTERNATE_OFF = `${ESC}?1049l`;
const CURSOR_OFF = `${ESC}?25l`;
const CURSOR_ON = `${ESC}?25h`;
/** Without wrapping, a line that fills the last column moves nothing. */
const WRAP_OFF = `${ESC}?7l`;
const WRAP_ON = `${ESC}?7h`;
/** Shows what comes between as one change, where the terminal can (mode 2026). */
const UPDATE_BEGIN = `${ESC}?2026h`;
const UPDATE_END = `${ESC}?2026l`;
const CLEAR = `${ESC}2J`;
const CLEAR_LINE = `${ESC}K`;
const CLEAR_BELOW = `${ESC}J`;

const at = (row: number): string => `${ESC}${row + 1};1H`;

/**
 * The second screen of a terminal, on which only what has changed is written again. Remembers one frame of lines.
 */
export class Screen {
  readonly #write: (text: string) => void;
  #shown: readonly string[] = [];
  #stale = false;
  #open = false;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#shown = [];
    this.#write(`${ALTERNATE_ON}${CURSOR_OFF}${WRAP_OFF}${CLEAR}`);
  }

  /**
   * Shows these lines from the top; in one write, and in none where nothing is different.
   * @param lines narrower than the terminal: a cursor in the last column would clear what stands there
   */
  draw(lines: readonly string[]): void {
    if (!this.#open) return;
    let changes = this.#stale ? CLEAR : '';
    this.#stale = false;
    lines.forEach((line, row) => {
      if (line !== this.#shown[row]) changes += `${at(row)}${line}${CLEAR_LINE}`;
    });
    if (lines.length < this.#shown.length) changes += `${at(lines.length)}${CLEAR_BELOW}`;
    this.#shown = [...lines];
    if (changes !== '') this.#write(`${UPDATE_BEGIN}${changes}${UPDATE_END}`);
  }

  /** Forgets what is shown, after the terminal has moved it about. */
  resized(): void {
    this.#shown = [];
    this.#stale = true;
  }

  /** Gives the terminal back as it was. Safe to call again. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#write(`${WRAP_ON}${CURSOR_ON}${ALTERNATE_OFF}`);
  }
}
