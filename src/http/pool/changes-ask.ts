import { decodeString, membersOf, scanBody, type Members, type Span } from '../../forward/json-scan.ts';
import { withModel, type NamedModel } from '../ask.ts';

/** What a request about a model's files says, as far as it matters who gets it. */
export interface ChangeAsk {
  readonly body: Buffer;
  /** The model that is changed: of a copy its source. */
  readonly model: NamedModel | undefined;
  /** The name that a copy makes. */
  readonly destination: string | undefined;
  /** The model that a create starts from. */
  readonly from: NamedModel | undefined;
  /** Digests of the uploaded files that a create needs, each once. */
  readonly files: readonly string[];
  /** Progress line by line, which is what Ollama gives unless told otherwise. */
  readonly stream: boolean;
}

const named = (body: Buffer, members: Members, ...names: readonly string[]): NamedModel | undefined => {
  for (const name of names) {
    const span = members.get(name);
    const model = span?.type === 'string' ? decodeString(body, span).trim() : '';
    if (span !== undefined && model !== '') return { model, span };
  }
  return undefined;
};

/** The digests in `files` and `adapters`, which map file names to them (Ollama api/types.go, CreateRequest). */
const digests = (body: Buffer, members: Members): readonly string[] => {
  const found = new Set<string>();
  for (const name of ['files', 'adapters']) {
    const span = members.get(name);
    if (span?.type !== 'object') continue;
    for (const value of membersOf(body, span).values()) {
      if (value.type === 'string') found.add(decodeString(body, value));
    }
  }
  return [...found];
};

const NOTHING: Omit<ChangeAsk, 'body'> = {
  model: undefined,
  destination: undefined,
  from: undefined,
  files: [],
  stream: true,
};

/** Reads a body by Go's rules. What is no JSON says nothing: a server refuses it in its own words. */
export const readChange = (body: Buffer, modelIn: readonly string[]): ChangeAsk => {
  try {
    const members = scanBody(body);
    const stream = members.get('stream');
    return {
      body,
      model: named(body, members, ...modelIn),
      destination: named(body, members, 'destination')?.model,
      from: named(body, members, 'from'),
      files: digests(body, members),
      stream: !(stream?.type === 'boolean' && body[stream.start] === 0x66),
    };
  } catch {
    return { body, ...NOTHING };
  }
};

/** The body with the real name in the place of an alias. */
export const renamed = ({ body }: ChangeAsk, span: Span, name: string): Buffer => withModel(body, span, name);
