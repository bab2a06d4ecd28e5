import http from 'node:http';

export interface StreamEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Server-sent events of one connection, kept until somebody asks for them. */
export interface EventStream {
  /** The next event of this kind from here on; those of other kinds before it are kept for their own askers. */
  next(event: string): Promise<StreamEvent>;
  /** How many of a kind have come and were not asked for. */
  count(event: string): number;
  /** Comments that have come. */
  readonly comments: readonly string[];
  /** Resolves when the other side has ended it. */
  readonly ended: Promise<void>;
  /** Stops reading, so that what is sent piles up, until `resume`. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Opens a stream of events. */
export const readEvents = (url: string, headers: http.OutgoingHttpHeaders = {}): EventStream => {
  const kept: StreamEvent[] = [];
  const comments: string[] = [];
  const waiting: { readonly event: string; readonly resolve: (found: StreamEvent) => void }[] = [];
  let rest = '';
  let answer: http.IncomingMessage | undefined;
  const take = (block: string): void => {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    const comment = fields.get('');
    if (comment !== undefined) comments.push(comment);
    const [event, data] = [fields.get('event'), fields.get('data')];
    if (event === undefined || data === undefined) return;
    const found = { event, data: JSON.parse(data) as unknown };
    const index = waiting.findIndex((each) => each.event === event);
    if (index === -1) kept.push(found);
    else waiting.splice(index, 1)[0]?.resolve(found);
  };
  const req = http.get(url, { agent: false, headers });
  const ended = new Promise<void>((resolve) => {
    req.on('error', () => resolve());
    req.once('response', (res) => {
      answer = res;
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        const blocks = (rest + chunk).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) take(block);
      });
      res.on('error', () => {});
      res.once('close', () => resolve());
    });
  });
  return {
    comments,
    ended,
    count: (event) => kept.filter((each) => each.event === event).length,
    next: (event) => {
      const index = kept.findIndex((each) => each.event === event);
      const [found] = index === -1 ? [] : kept.splice(index, 1);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve) => void waiting.push({ event, resolve }));
    },
    pause: () => void answer?.pause(),
    resume: () => void answer?.resume(),
    close: () => void req.destroy(),
  };
};
