import type { ChildProcess } from 'node:child_process';

/** What a process says of itself. */
export interface Inside {
  /** Bytes, right after a full garbage collection. */
  readonly heap: number;
  readonly external: number;
  /** Things that keep its event loop busy, by kind: sockets, timers, requests … */
  readonly handles: number;
  readonly sockets: number;
  readonly timers: number;
}

/** Runs in the process that is looked at, before anything of its own; it listens for no longer than its parent lives. */
const LISTENS = `
  process.on('message', () => {
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    const kinds = process.getActiveResourcesInfo();
    const of = (...names) => kinds.filter((kind) => names.includes(kind)).length;
    process.send({
      heap: heapUsed,
      external,
      handles: kinds.length,
      sockets: of('TCPSocketWrap', 'TCPServerWrap'),
      timers: of('Timeout'),
    });
  });
  process.channel.unref();
`;

/** Options of Node with which a process can be asked; it needs a message channel. */
export const INSIDE = ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(LISTENS)}`] as const;

const ANSWER_MS = 30_000;

/** Asks it. @throws when it has ended, or says nothing for half a minute */
export const askInside = (child: ChildProcess): Promise<Inside> =>
  new Promise((resolve, reject) => {
    const settle = (run: () => void): void => {
      clearTimeout(timer);
      child.off('message', answered).off('exit', ended);
      run();
    };
    const answered = (inside: Inside): void => settle(() => resolve(inside));
    const ended = (): void => settle(() => reject(new Error('the proxy has ended')));
    const timer = setTimeout(
      () => settle(() => reject(new Error(`the proxy said nothing of itself for ${ANSWER_MS} ms`))),
      ANSWER_MS,
    );
    child.on('message', answered).on('exit', ended);
    child.send('how are you');
  });
