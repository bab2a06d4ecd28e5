import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Chat {
  readonly model: string;
  readonly messages?: readonly { readonly content: string }[];
}

/** A server whose streams stop after their first line until the test lets them go on. */
export interface HeldBackend {
  readonly url: string;
  /** Streams that have sent their first line and wait. */
  held(): number;
  /** Lets every stream that waits now run to its end, and those to come pass without a stop. */
  release(): void;
  /** Streams to come stop again. */
  hold(): void;
  close(): Promise<void>;
}

const PIECES = 5;
const pieces = (prompt: string): readonly string[] =>
  Array.from({ length: PIECES }, (_, index) => `${prompt} (${index + 1} of ${PIECES})\n`);

/** The text that the answer to a prompt has. */
export const heldText = (prompt: string): string => pieces(prompt).join('');

/** The final record of a request that waited two seconds for its model. */
const FINAL = {
  done: true,
  done_reason: 'stop',
  total_duration: 2_200_000_000,
  load_duration: 2_000_000_000,
  prompt_eval_count: 10,
  prompt_eval_duration: 50_000_000,
  eval_count: PIECES,
  eval_duration: 100_000_000,
};

const readJson = async (req: IncomingMessage): Promise<Chat> => {
  let text = '';
  for await (const chunk of req as AsyncIterable<Buffer>) text += chunk.toString('utf8');
  return JSON.parse(text) as Chat;
};

const entry = (name: string): object => ({ name, model: name, size: 1e9, digest: '0'.repeat(64), details: {} });

/** Starts one with these models, holding. Chats stream, everything else is answered at once. */
export const startHeld = async (...models: readonly string[]): Promise<HeldBackend> => {
  const waiting = new Set<() => void>();
  let holding = true;

  const json = (res: ServerResponse, value: unknown): void => {
    res.setHeader('content-type', 'application/json; charset=utf-8').end(JSON.stringify(value));
  };
  const chat = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const { model, messages } = await readJson(req);
    const [first, ...rest] = pieces(messages?.at(-1)?.content ?? '');
    const line = (content: string | undefined, more: object = { done: false }): string =>
      `${JSON.stringify({ model, created_at: '2026-01-01T00:00:00Z', message: { role: 'assistant', content }, ...more })}\n`;
    res.setHeader('content-type', 'application/x-ndjson');
    res.write(line(first));
    if (holding) {
      await new Promise<void>((resolve) => {
        waiting.add(resolve);
        res.once('close', () => waiting.delete(resolve));
      });
    }
    for (const piece of rest) res.write(line(piece));
    res.end(line('', FINAL));
  };
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    switch (req.url) {
      case '/api/version':
        return json(res, { version: '0.32.15' });
      case '/api/tags':
        return json(res, { models: models.map(entry) });
      case '/api/ps':
        return json(res, { models: [] });
      case '/api/chat':
        return void chat(req, res);
      default:
        req.resume();
        return json(res, { done: true });
    }
  };

  const server = http.createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const release = (): void => {
    holding = false;
    for (const go of waiting) go();
    waiting.clear();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    held: () => waiting.size,
    release,
    hold: () => {
      holding = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
