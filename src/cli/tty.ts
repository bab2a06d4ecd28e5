import type { ReadStream, WriteStream } from 'node:tty';

/** A terminal that a live view has for itself. */
export interface LiveTerminal {
  /** Cells of a line, and lines. */
  size(): { readonly columns: number; readonly rows: number };
  write(text: string): void;
  /**
   * Begins to tell of keys and of a new size.
   * @param gone called when nobody is there any more
   */
  listen(on: { readonly key: (key: string) => void; readonly resize: () => void; readonly gone: () => void }): void;
  /** Tells no more, and gives the keyboard back as it was. */
  release(): void;
  readonly color: boolean;
}

/** Sizes of a terminal that does not know its own. */
const USUAL = { columns: 80, rows: 24 };

const ESC = '\u001B';
/** One key, or what a key of several bytes sends (ECMA-48 CSI and SS3), out of what came at once. */
const KEY = new RegExp(`${ESC}(?:\\[[\\d;]*[ -/]*[@-~]|O.)|[\\s\\S]`, 'gu');

/** The terminal behind these streams; without a keyboard where the input is none. */
export const liveTerminal = (input: ReadStream, output: WriteStream, color: boolean): LiveTerminal => {
  let stop = (): void => undefined;
  return {
    color,
    size: () => ({ columns: output.columns || USUAL.columns, rows: output.rows || USUAL.rows }),
    write: (text) => void output.write(text),
    listen({ key, resize, gone }) {
      const keys = (text: string): void => {
        for (const [each] of text.matchAll(KEY)) key(each);
      };
      output.on('resize', resize);
      output.on('error', gone);
      if (input.isTTY) {
        input.setRawMode(true);
        input.setEncoding('utf8');
        input.on('data', keys);
        input.on('end', gone);
        input.on('error', gone);
        input.resume();
      }
      stop = () => {
        output.off('resize', resize);
        if (!input.isTTY) return;
        input.off('data', keys);
        input.off('end', gone);
        input.setRawMode(false);
        input.pause();
      };
    },
    release: () => stop(),
  };
};
