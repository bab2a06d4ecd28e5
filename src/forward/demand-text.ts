import { IMAGE_BYTES } from '../core/demand.ts';
import type { PromptMarks } from './demand-marks.ts';
import type { JsonWalk } from './demand-walk.ts';
import type { Span } from './json-scan.ts';

/** What a piece of prompt is, for the hash. Other members of a message are told apart by a sum over their names. */
const TAG = {
  system: 1,
  tools: 2,
  tokens: 3,
  images: 4,
  prompt: 5,
  suffix: 6,
  message: 7,
  content: 8,
  calls: 9,
  part: 10,
};

/** Members whose values are encoded pictures, sounds or files: as text they would be megabytes, as prompt they are not. */
const MEDIA: ReadonlySet<string> = new Set(['images', 'image_url', 'source', 'input_audio', 'file', 'file_data']);
/** Tells where a client wants its cache to end, which moves from turn to turn; no word of the prompt. */
const CACHE_CONTROL = 'cache_control';
/** More members than any message or part has; of a hostile one, the rest is only counted. */
const MAX_MEMBERS = 32;
/** A tool's result holds parts; deeper than this nothing is taken apart. */
const MAX_DEPTH = 4;

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** Where a value lies: `[from, to)`. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

const NOWHERE: Place = { from: 0, to: 0 };

const nameTag = (name: string): number => {
  let sum = 0x100;
  for (let i = 0; i < name.length; i++) sum = (Math.imul(sum, 31) + name.charCodeAt(i)) | 0;
  return sum;
};

/** Roles under which a system prompt comes (`developer`: newer OpenAI clients). */
const SYSTEM_ROLES = ['system', 'developer'].map((role) => Buffer.from(`"${role}"`));

/**
 * Writes the parts of a prompt into its marks in the order in which Ollama renders them, whatever the order of members
 * and the white space between them. Nonsense is written as the bytes that it is.
 */
export class PromptReader {
  readonly #walk: JsonWalk;
  readonly #marks: PromptMarks;
  #system: Place | undefined;

  constructor(walk: JsonWalk, marks: PromptMarks) {
    this.#walk = walk;
    this.#marks = marks;
  }

  /** The content of the first message that came with a system role. */
  get system(): Place | undefined {
    return this.#system;
  }

  /** A piece of its own, with a mark at its end. */
  piece(kind: 'system' | 'tools' | 'tokens' | 'images' | 'prompt' | 'suffix', span: Span | undefined): void {
    if (span === undefined) return;
    this.#marks.tag(TAG[kind]);
    if (kind === 'images') this.#media(span.start, span.end);
    else if (kind === 'tokens' || kind === 'tools') this.#raw(span.start, span.end);
    else this.content(span.start, span.end);
    this.#marks.boundary();
  }

  /** The messages of a chat, or the items of a Responses input; `from` is the opening bracket. */
  messages(from: number): void {
    this.#walk.items(from, (item) => this.#message(item));
  }

  /** Text, or a list of parts of which some are text. */
  content(from: number, to: number, depth = 0): void {
    if (this.#walk.text[from] !== OPEN_BRACKET || depth >= MAX_DEPTH) {
      this.#raw(from, to);
      return;
    }
    let first = true;
    this.#walk.items(from, (item) => {
      // One part of text is the same prompt as that text alone.
      if (!first) this.#marks.tag(TAG.part);
      first = false;
      return this.#part(item, depth);
    });
  }

  #message(from: number): number {
    const { text } = this.#walk;
    const isObject = text[from] === OPEN_BRACE;
    if (!isObject || this.#marks.full) {
      const end = this.#walk.valueEnd(from);
      // Past the bound only sizes matter, and so little text can hide no picture worth taking apart.
      if (!isObject || end - from <= IMAGE_BYTES) {
        this.#marks.tag(TAG.message);
        this.#raw(from, end);
        this.#marks.boundary();
        return end;
      }
    }
    return this.#members(from);
  }

  #members(from: number): number {
    const marks = this.#marks;
    let role = NOWHERE;
    let content = NOWHERE;
    let calls = NOWHERE;
    let others: Map<string, Place> | undefined;
    const end = this.#walk.members(from, (keyFrom, keyTo, valueFrom, to) => {
      if (this.#isNull(valueFrom)) return;
      const key = this.#key(keyFrom, keyTo);
      const place = { from: valueFrom, to };
      if (key === 'role') role = place;
      else if (key === 'content') content = place;
      else if (key === 'tool_calls') calls = place;
      else others = this.#keep(others, key, place);
    });
    marks.tag(TAG.message);
    this.#raw(role.from, role.to);
    this.#others(others, 0);
    marks.tag(TAG.content);
    this.content(content.from, content.to);
    if (calls !== NOWHERE) {
      marks.tag(TAG.calls);
      this.#raw(calls.from, calls.to);
    }
    marks.boundary();
    if (this.#system === undefined && content !== NOWHERE && this.#isSystem(role)) this.#system = content;
    return end;
  }

  /** One part of a content. */
  #part(from: number, depth: number): number {
    if (this.#walk.text[from] !== OPEN_BRACE) {
      const end = this.#walk.valueEnd(from);
      this.#raw(from, end);
      return end;
    }
    let words = NOWHERE;
    let others: Map<string, Place> | undefined;
    const end = this.#walk.members(from, (keyFrom, keyTo, valueFrom, to) => {
      if (this.#isNull(valueFrom)) return;
      const key = this.#key(keyFrom, keyTo);
      if (key === 'text' && this.#walk.text[valueFrom] === QUOTE) words = { from: valueFrom, to };
      else if (key !== 'type') others = this.#keep(others, key, { from: valueFrom, to });
    });
    if (words === NOWHERE) this.#others(others, depth);
    else this.#raw(words.from, words.to);
    return end;
  }

  #keep(others: Map<string, Place> | undefined, key: string, place: Place): Map<string, Place> | undefined {
    if (key === CACHE_CONTROL) return others;
    const kept = others ?? new Map<string, Place>();
    if (kept.size < MAX_MEMBERS || kept.has(key)) kept.set(key, place);
    return kept;
  }

  /** Members by name, because their order says nothing. */
  #others(others: ReadonlyMap<string, Place> | undefined, depth: number): void {
    if (others === undefined) return;
    for (const [name, { from, to }] of [...others].sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.#marks.tag(nameTag(name));
      if (MEDIA.has(name)) this.#media(from, to);
      else if (name === 'content') this.content(from, to, depth + 1);
      else this.#raw(from, to);
    }
  }

  /** One picture, or a list of them. */
  #media(from: number, to: number): void {
    if (this.#walk.text[from] !== OPEN_BRACKET) {
      this.#marks.image(from, to);
      return;
    }
    this.#walk.items(from, (item) => {
      const end = this.#walk.valueEnd(item);
      this.#marks.image(item, end);
      return end;
    });
  }

  /** A value as it is written, a string without its quotes. */
  #raw(from: number, to: number): void {
    if (this.#walk.text[from] === QUOTE) this.#marks.text(from + 1, to - 1);
    else this.#marks.text(from, to);
  }

  #key(from: number, to: number): string {
    return this.#walk.exactKey(from, to).toLowerCase();
  }

  #isNull(from: number): boolean {
    return this.#walk.text[from] === 0x6e;
  }

  #isSystem({ from, to }: Place): boolean {
    return SYSTEM_ROLES.some(
      (role) => role.length === to - from && this.#walk.text.compare(role, 0, role.length, from, to) === 0,
    );
  }
}
