import type { Runner } from '../../backends/backend.ts';
import { modelKey } from '../../core/model-name.ts';
import { withModel, type Ask } from '../ask.ts';
import type { Exchange } from '../exchange.ts';
import { noBackend } from '../failover.ts';
import type { HandlerParts } from '../parts.ts';
import type { Target } from '../targets.ts';
import { everywhereAnswer } from './changes-answer.ts';
import { reportChange, wordsOf } from './changes-report.ts';
import { recordParts, type Fanout, type Send } from './fanout.ts';
import { withinMs } from './within.ts';

/** Longest wait for servers that are asked what they have in memory. */
const FRESH_MS = 300;

/**
 * Takes a model out of memory everywhere (`keep_alive: 0` with nothing to answer) and answers once, as one server
 * would. It takes no slot: where every slot is busy, unloading is what somebody hopes will help.
 */
export class Unload {
  readonly #parts: HandlerParts;
  readonly #fanout: Fanout;

  constructor(parts: HandlerParts, fanout: Fanout) {
    this.#parts = parts;
    this.#fanout = fanout;
  }

  /**
   * @param targets the models that the name stands for; of a virtual model all of them
   * @throws ProxyError when no server that has one can be asked, or none said a word that could be handed on
   */
  async serve(exchange: Exchange, ask: Ask, targets: readonly Target[]): Promise<void> {
    const sends = await this.#sends(exchange, ask, targets);
    const names = [...new Set(sends.map(({ runner }) => runner.backendId))];
    const [first] = targets;
    const model = first?.name ?? ask.model;
    const why = 'it may have the model in memory';
    exchange.begin({ backend: names.join(', '), model, why, rewritten: first?.key !== modelKey(ask.model) });
    // On the embedding routes a server loads the model first if it has to.
    const results = await this.#fanout.run(exchange, sends, exchange.route.endpoint !== 'embed');
    const answer = everywhereAnswer(exchange, results, [], 'unloaded');
    recordParts(exchange, results, exchange.left ? ({ kind }) => kind === 'left' : answer.decides, model, why);
    const outcome = exchange.left ? 'client-left' : answer.outcome;
    reportChange(this.#parts, exchange, 'unload', outcome, wordsOf(results));
    // The runner goes when what it still runs has ended; nobody needs to wait for that.
    void this.#parts.freshModels(names);
    if (!exchange.left) answer.send();
  }

  async #sends(exchange: Exchange, ask: Ask, targets: readonly Target[]): Promise<readonly Send[]> {
    const embeds = exchange.route.endpoint === 'embed';
    if (embeds) await withinMs(FRESH_MS, this.#parts.freshModels());
    const sends: Send[] = [];
    const obstacles: string[] = [];
    for (const { key, name } of targets) {
      const found = this.#parts.registry.eligibleForPassthrough(key);
      const body = key === modelKey(ask.model) ? ask.body : withModel(ask.body, ask.modelSpan, name);
      // A model that is loading, or shares its weights with another name, is in no list of loaded ones, and a server
      // that has nothing to unload says so at once: every holder is told. Only the embedding routes would load it first.
      const loaded = found.runners.filter((runner) => hasLoaded(runner, key));
      const told = !embeds ? found.runners : loaded.length > 0 ? loaded : found.runners.slice(0, 1);
      for (const runner of told) sends.push({ runner, body });
      for (const { backend, why } of found.obstacles) obstacles.push(`${backend}: ${why}`);
    }
    if (sends.length === 0)
      throw noBackend(`no backend that has ${ask.model} can take the request now (${obstacles.join('; ')})`);
    return sends;
  }
}

const hasLoaded = ({ backend }: Runner, key: string): boolean =>
  backend.loaded.has(key) || (backend.runners.get(key)?.running ?? 0) > 0;
