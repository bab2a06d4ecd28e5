import type { ListEntry } from '../../backends/backend.ts';
import type { Exchange } from '../exchange.ts';
import { noBackend } from '../failover.ts';
import type { HandlerParts } from '../parts.ts';
import type { PoolRead } from '../routes.ts';
import { goJson } from './go-json.ts';
import { lowestVersion, mergePs, mergeTags, nameOf, openaiModels, type Listing } from './lists.ts';
import { withinMs } from './within.ts';

/** Longest wait for backends that are asked anew for a list; whoever is slower is listed as it was last seen. */
const FRESH_MS = 300;
/** Go sends a length with what fits its buffer when the handler ends, and chunks otherwise (net/http bufferBeforeChunkingSize). */
const GO_BUFFER_BYTES = 2048;

const TEXT = 'text/plain; charset=utf-8';
const JSON_UTF8 = 'application/json; charset=utf-8';
/** The `/v1` layer names no charset and ends with the newline of Go's encoder (middleware/openai.go). */
const JSON_PLAIN = 'application/json';

interface Content {
  readonly type: string;
  readonly body: string;
}

/** What the pool is and has, answered by the proxy itself as one server would. */
export class Reads {
  readonly #parts: HandlerParts;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** Answers one read. @throws ProxyError `no_backend` when no backend is up, except for the liveness text */
  async serve(exchange: Exchange, read: PoolRead): Promise<void> {
    const content = await this.#content(exchange, read);
    if (!exchange.left) send(exchange, content);
  }

  async #content(exchange: Exchange, read: PoolRead): Promise<Content> {
    switch (read) {
      case 'root':
        return { type: TEXT, body: 'Ollama is running' };
      case 'version': {
        this.#needOne();
        const versions = this.#parts.registry.serving().map(({ version }) => version);
        return { type: JSON_UTF8, body: goJson({ version: lowestVersion(versions) ?? '0.0.0' }) };
      }
      case 'tags':
        return { type: JSON_UTF8, body: goJson({ models: await this.#tags(exchange) }) };
      case 'models':
        return { type: JSON_PLAIN, body: `${goJson(openaiModels(await this.#tags(exchange)))}\n` };
      case 'ps': {
        const loaded = await this.#listings(({ ps }) => ps);
        return { type: JSON_UTF8, body: goJson({ models: this.#shown(exchange, mergePs(loaded)) }) };
      }
    }
  }

  async #tags(exchange: Exchange): Promise<readonly ListEntry[]> {
    const listings = await this.#listings(({ tags }) => tags);
    return this.#shown(exchange, mergeTags(listings, this.#parts.settings().targets.stands()));
  }

  /** What the client's key may use; everything without keys. */
  #shown(exchange: Exchange, entries: readonly ListEntry[]): readonly ListEntry[] {
    return exchange.visit?.rule.models === undefined
      ? entries
      : entries.filter((entry) => this.#parts.keys.shows(exchange, nameOf(entry)));
  }

  async #listings(
    pick: (backend: { readonly tags: readonly ListEntry[]; readonly ps: readonly ListEntry[] }) => readonly ListEntry[],
  ): Promise<readonly Listing[]> {
    this.#needOne();
    await withinMs(FRESH_MS, this.#parts.freshModels());
    this.#needOne();
    return this.#parts.registry.serving().map((backend) => ({ backend: backend.id, entries: pick(backend) }));
  }

  #needOne(): void {
    const { registry } = this.#parts;
    if (registry.serving().length > 0) return;
    const down = registry.snapshots().map(({ name, enabled, draining, lastError }) => {
      if (!enabled || draining) return `${name}: ${enabled ? 'draining' : 'disabled by the operator'}`;
      return `${name}: ${lastError ?? 'not probed yet'}`;
    });
    throw noBackend(down.length === 0 ? 'no backend is configured' : `no backend is up (${down.join('; ')})`);
  }
}

/** Framed as Go frames it. HEAD gets the head that GET would get. */
const send = ({ req, res, ownHeaders }: Exchange, { type, body }: Content): void => {
  const bytes = Buffer.byteLength(body);
  const length = bytes <= GO_BUFFER_BYTES ? ['content-length', String(bytes)] : [];
  res.writeHead(200, ['content-type', type, ...length, ...ownHeaders()]);
  res.end(req.method === 'HEAD' ? undefined : body);
};
