/** What one event may have in memory: the snapshot of a pool of ten thousand servers, several times over. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** One server-sent event. */
export interface SentEvent {
  readonly event: string;
  readonly data: string;
}

/**
 * Puts server-sent events together from pieces of text, cut anywhere (WHATWG HTML, "Server-sent events"; line ends are
 * taken as LF, as the proxy writes them). Comments and fields without a use here are left out.
 */
export class EventReader {
  #rest = '';
  /** The rest ends with a line feed; asking the text itself would copy it each time. */
  #lineEnded = false;

  /**
   * The events that are whole with this piece.
   * @throws {RangeError} when one does not end
   */
  read(piece: string): readonly SentEvent[] {
    const ends = piece.includes('\n\n') || (this.#lineEnded && piece.startsWith('\n'));
    const text = this.#rest + piece;
    const blocks = ends ? text.split('\n\n') : [text];
    this.#rest = blocks.pop() ?? '';
    if (piece !== '') this.#lineEnded = this.#rest !== '' && piece.endsWith('\n');
    if (this.#rest.length > MOST_CHARACTERS) {
      throw new RangeError(`an event of more than ${MOST_CHARACTERS / 1024 / 1024} Mi characters`);
    }
    return blocks.flatMap((block) => eventOf(block));
  }
}

const eventOf = (block: string): readonly SentEvent[] => {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1).replace(/^ /, '');
    if (colon > 0 && line.startsWith('event:')) event = value;
    else if (colon > 0 && line.startsWith('data:')) data.push(value);
  }
  return data.length === 0 ? [] : [{ event, data: data.join('\n') }];
};
