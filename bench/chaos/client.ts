import http from 'node:http';

/** What a client sends, and what it must get if it gets all. */
export interface Question {
  readonly number: number;
  readonly model: string;
  readonly dialect: 'chat' | 'generate' | 'openai';
  readonly stream: boolean;
  readonly priority: string;
  readonly session: string;
  /** ms after which the client hangs up; undefined = it stays. */
  readonly leavesMs: number | undefined;
  /** Text that the answer is to have; it holds the number, so that no other request has the same. */
  readonly expected: string;
}

/** What came of it, as the client sees it. */
export interface Seen {
  readonly question: Question;
  readonly end: 'served' | 'cut' | 'refused' | 'left';
  /** `x-task-router-error`, '' where there is none. */
  readonly code: string;
  readonly status: number;
  readonly attempts: number;
  readonly queueMs: number;
  readonly body: string;
  /** What must not be; '' = all is well. */
  readonly wrong: string;
}

/** The simulated server writes JSON by the schema it is given, and of one choice it takes that one. */
export const questionOf = (some: Omit<Question, 'expected'> & { readonly words: number }): Question => {
  const { words, ...rest } = some;
  return { ...rest, expected: JSON.stringify({ id: `answer-${rest.number}`, text: 'word '.repeat(words) }) };
};

const PATHS = { chat: '/api/chat', generate: '/api/generate', openai: '/v1/chat/completions' } as const;

const bodyOf = ({ number, model, dialect, stream, expected, session }: Question): string => {
  const fields = JSON.parse(expected) as Record<string, string>;
  const schema = {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { enum: [value] }])),
  };
  const text = `Session ${session}. This is question ${number}.`;
  const messages = [{ role: 'user', content: text }];
  switch (dialect) {
    case 'chat':
      return JSON.stringify({ model, messages, format: schema, stream });
    case 'generate':
      return JSON.stringify({ model, prompt: text, format: schema, stream });
    case 'openai':
      return JSON.stringify({
        model,
        messages,
        stream,
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
      });
  }
};

interface Line {
  readonly message?: { readonly content?: string };
  readonly response?: string;
  readonly done?: boolean;
  readonly error?: unknown;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
  }[];
}

/** What an answer says: its text so far, whether it says that it is complete, and whether it says that it is not. */
interface Said {
  readonly text: string;
  readonly complete: boolean;
  readonly error: boolean;
}

const read = ({ dialect, stream }: Question, body: string): Said => {
  let text = '';
  let complete = false;
  let error = false;
  for (const raw of body.split('\n')) {
    const line = dialect === 'openai' && stream ? raw.replace(/^data: /, '') : raw;
    if (line.trim() === '' || line.startsWith('event:')) continue;
    if (line === '[DONE]') {
      complete = true;
      continue;
    }
    let parsed: Line;
    try {
      parsed = JSON.parse(line) as Line;
    } catch {
      // A piece of a line: what was cut off.
      break;
    }
    if (parsed.error !== undefined) error = true;
    const [choice] = parsed.choices ?? [];
    text += parsed.message?.content ?? parsed.response ?? choice?.delta?.content ?? choice?.message?.content ?? '';
    if (parsed.done === true || (!stream && choice !== undefined)) complete = true;
  }
  return { text, complete, error };
};

const judge = (
  question: Question,
  status: number,
  code: string,
  body: string,
  whole: boolean,
): Pick<Seen, 'end' | 'wrong'> => {
  if (status !== 200) {
    const wrong = !whole
      ? 'an error answer broke off'
      : code === '' && status !== 404
        ? `status ${status} without x-task-router-error`
        : '';
    return { end: 'refused', wrong };
  }
  const { text, complete, error } = read(question, body);
  if (!question.expected.startsWith(text)) return { end: 'cut', wrong: 'a text that is not its own' };
  if (whole && complete && !error) {
    return { end: 'served', wrong: text === question.expected ? '' : 'complete, and not all of it' };
  }
  // However it ends, the client must be able to see that it is not the end.
  return { end: 'cut', wrong: whole && !error ? 'a clean end of what is not complete' : '' };
};

/** Asks, and tells what came of it. Never rejects. */
export const ask = (origin: string, agent: http.Agent, question: Question): Promise<Seen> =>
  new Promise((resolve) => {
    let left = false;
    const body = bodyOf(question);
    const req = http.request(origin + PATHS[question.dialect], {
      method: 'POST',
      agent,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-task-router-session': question.session,
        'x-task-router-priority': question.priority,
        'x-task-router-category': 'coding',
      },
    });
    const timer =
      question.leavesMs === undefined
        ? undefined
        : setTimeout(() => {
            left = true;
            req.destroy();
          }, question.leavesMs);
    const end = (some: Omit<Seen, 'question'>): void => {
      clearTimeout(timer);
      resolve({ question, ...some });
    };
    const nothing = { code: '', status: 0, attempts: 0, queueMs: 0, body: '' };
    req.once('error', (error) => {
      end({ ...nothing, end: left ? 'left' : 'refused', wrong: left ? '' : `no answer at all: ${error.message}` });
    });
    req.once('response', (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (piece: string) => {
        text += piece;
      });
      res.on('error', () => {});
      res.once('close', () => {
        const status = res.statusCode ?? 0;
        const code = String(res.headers['x-task-router-error'] ?? '');
        const attempts = Number(res.headers['x-task-router-attempts'] ?? 0);
        const queueMs = Number(res.headers['x-task-router-queue-ms'] ?? 0);
        const seen = { code, status, attempts, queueMs, body: text };
        if (left) end({ ...seen, end: 'left', wrong: '' });
        else end({ ...seen, ...judge(question, status, code, text, res.complete) });
      });
    });
    req.end(body);
  });
