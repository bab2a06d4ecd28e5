import type { IncomingMessage, ServerResponse } from 'node:http';
import { Library } from '../model/library.ts';
import { Machine } from '../model/machine.ts';
import { DEFAULT_MODELS } from '../model/models.ts';
import { profiles, type MachineProfile, type ProfileName } from '../model/profile.ts';
import type { ReusePolicy } from '../model/reuse.ts';
import type { OutputLength } from '../model/text.ts';
import { control, CONTROL_PREFIX } from './control.ts';
import type { SimContext } from './context.ts';
import { dialectOf } from './dialect.ts';
import { Exchange } from './exchange.ts';
import { FaultSet, type Fault, type FaultControl } from './faults.ts';
import { featuresOf } from './features.ts';
import { Freezer } from './freezer.ts';
import { passGate } from './gate.ts';
import { foldKeys, stringField } from './go-fields.ts';
import { decodeGoJson } from './go-json.ts';
import { BODY_KEPT, Journal } from './journal.ts';
import { Listener } from './listener.ts';
import { RealTime } from './realtime.ts';
import { findRoute, UPLOAD_PATH, type FoundRoute } from './routes.ts';
import { simState, type SimState } from './state.ts';
import { strike } from './strike.ts';

export interface SimOptions {
  /** Shown in the state; default `sim`. */
  readonly name?: string;
  /** Default 0 = any free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default `fast-gpu`. */
  readonly profile?: ProfileName | MachineProfile;
  /** Installed models; default a small chat model, a coder, a thinking one, one with vision, and an embedder. */
  readonly models?: readonly string[];
  /** OLLAMA_NUM_PARALLEL, default 1. */
  readonly slots?: number;
  /** Default 1. The same seed gives the same answers. */
  readonly seed?: number;
  /** The Ollama version to play, default 0.32.15. */
  readonly version?: string;
  /** Default: as the version does it, `many` from 0.30 on and `one-per-model` before. */
  readonly reuse?: ReusePolicy;
  /** Wall time per simulated time: 0.01 = a hundred times faster than life. Default 1. keep_alive stays in wall time. */
  readonly timeScale?: number;
  /** OLLAMA_MAX_QUEUE, default 512. */
  readonly maxQueue?: number;
  /** OLLAMA_MAX_LOADED_MODELS, default 3. */
  readonly maxLoadedModels?: number;
  /** OLLAMA_KEEP_ALIVE in ms of wall time, default 5 minutes. */
  readonly keepAliveMs?: number;
  /** Length of answers without a limit; default between 24 and 160 tokens. */
  readonly outputTokens?: OutputLength;
  /** Speed of a pull in bytes per second of wall time, default 2 GB/s. */
  readonly pullBytesPerSecond?: number;
  /** Faults that are switched on from the start. */
  readonly faults?: readonly Fault[];
}

/** A simulated Ollama server on a real port. */
export interface SimServer {
  /** `http://127.0.0.1:1234`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly faults: FaultControl;
  /** Names of the installed models, newest first. */
  models(): readonly string[];
  state(): SimState;
  /** Ends it for good. Nothing of it is left running. */
  close(): Promise<void>;
  /**
   * Dies as a killed process does: connections end in mid-answer, and the server that comes back knows of nothing in memory.
   * @param options.leavesRunners what was in memory stays there, held by processes that nobody knows: a fault of the kind
   * `orphan-memory`, until it is cleared
   */
  kill(options?: { readonly leavesRunners?: boolean }): Promise<void>;
  /** Comes back on the same port after a kill, with the same models installed and none loaded. */
  restart(): Promise<void>;
}

const DEFAULT_VERSION = '0.32.15';
const DEFAULT_LENGTH: OutputLength = [24, 160];

const readBody = async (req: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** The model that a body names, '' if it cannot be told; only faults and the journal ask. */
const bodyModel = (body: Buffer): string => {
  if (body.length === 0) return '';
  const decoded = decodeGoJson(body);
  if (!decoded.ok) return '';
  const fields = foldKeys(decoded.value);
  return stringField(fields, 'model') || stringField(fields, 'name');
};

/**
 * Starts a simulated Ollama server: the behaviour model behind the HTTP face of a real server. Rejects if the port is
 * taken.
 */
export const startSim = async (options: SimOptions = {}): Promise<SimServer> => {
  const name = options.name ?? 'sim';
  const host = options.host ?? '127.0.0.1';
  const version = options.version ?? DEFAULT_VERSION;
  const timeScale = options.timeScale ?? 1;
  const profile = typeof options.profile === 'object' ? options.profile : profiles[options.profile ?? 'fast-gpu'];
  const seed = options.seed ?? 1;
  const features = featuresOf(version);
  const clock = new RealTime(timeScale);
  const journal = new Journal();

  const newMachine = (): Machine =>
    new Machine({
      clock,
      profile,
      slots: options.slots ?? 1,
      reuse: options.reuse ?? (features.modern ? 'many' : 'one-per-model'),
      maxQueue: options.maxQueue ?? 512,
      maxLoadedModels: options.maxLoadedModels ?? 3,
      keepAliveMs: (options.keepAliveMs ?? 300_000) / timeScale,
    });

  let life = 0;
  let alive = true;
  const freezer = new Freezer();
  const context: SimContext = {
    version,
    features,
    profile,
    library: new Library(options.models ?? DEFAULT_MODELS),
    machine: newMachine(),
    clock,
    timeScale,
    seed,
    outputTokens: options.outputTokens ?? DEFAULT_LENGTH,
    pullBytesPerSecond: options.pullBytesPerSecond ?? 2e9,
  };

  const changed = (): void => {
    freezer.set(faults.stopped);
    // Whoever wants to know whether the port could be taken again asks `ready`.
    follow().catch(() => undefined);
  };
  const faults = new FaultSet(seed, changed, (ill, over) => context.machine.fall(ill, over));

  const dispatch = async (exchange: Exchange, found: FoundRoute | undefined): Promise<void> => {
    const model = bodyModel(exchange.body);
    journal.request({
      method: exchange.method,
      path: exchange.path,
      headers: exchange.req.headers,
      body: exchange.body.toString('utf8', 0, BODY_KEPT),
      model,
    });
    exchange.model = model;
    exchange.dialect = dialectOf(exchange.path);
    const fault = faults.take({ path: exchange.path, model, inference: found?.inference ?? false });
    if (fault !== undefined && strike(exchange, fault, model)) return;
    if (passGate(exchange) || found === undefined) return;
    exchange.param = found.param;
    await found.handler(context, exchange);
  };

  const serve = async (exchange: Exchange): Promise<void> => {
    const found = findRoute(exchange.method, exchange.path);
    if (found?.pattern !== UPLOAD_PATH) exchange.body = await readBody(exchange.req);
    const mine = exchange.path.startsWith(CONTROL_PREFIX) && control(exchange, { faults: faultControl, state, reset });
    if (!mine) await dispatch(exchange, found);
  };

  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    const exchange = new Exchange(req, res, freezer.run);
    const born = life;
    res.once('close', () => {
      const hungUp = !res.writableFinished && !exchange.brokenByServer && born === life;
      if (hungUp) journal.aborted(exchange.path, exchange.model, res.headersSent);
      freezer.run(() => exchange.leave());
    });
    freezer.run(() => {
      // A client that left while the process stood still.
      if (res.destroyed) return;
      void serve(exchange).catch((error: unknown) => {
        // A client that leaves in the middle of its body is no news; anything else is a fault of the simulator.
        if (req.complete) throw error;
      });
    });
  };

  const listener = new Listener(host, options.port ?? 0, onRequest, () => faults.takeConnection());
  const follow = (): Promise<void> => listener.want(alive && !faults.refusing);

  const faultControl: FaultControl = {
    set: (fault) => faults.set(fault),
    clear: () => faults.clear(),
    list: () => faults.list(),
    ready: () => listener.settled(),
  };
  const state = (): SimState => simState(name, context.machine, journal, faults.list());
  const reset = (): void => {
    faults.clear();
    journal.reset();
  };
  const die = async (): Promise<void> => {
    alive = false;
    life += 1;
    freezer.drop();
    context.machine.stop();
    const shut = follow();
    listener.destroyConnections();
    await shut;
  };

  for (const fault of options.faults ?? []) faults.set(fault);
  await follow();

  return {
    url: `http://${host}:${listener.port}`,
    port: listener.port,
    faults: faultControl,
    models: () => context.library.list().map((model) => model.name),
    state,
    async kill({ leavesRunners = false } = {}) {
      const bytes = context.machine.memoryUsed;
      await die();
      if (leavesRunners) faults.set({ kind: 'orphan-memory', bytes });
    },
    async close() {
      await die();
      clock.stop();
    },
    async restart() {
      if (alive) await die();
      alive = true;
      context.machine = newMachine();
      faults.restarted();
      await follow();
    },
  };
};
