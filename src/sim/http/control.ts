import type { Exchange } from './exchange.ts';
import type { Fault, FaultControl } from './faults.ts';
import { isObject } from './go-fields.ts';
import { decodeGoJson } from './go-json.ts';
import type { SimState } from './state.ts';

/** What the control routes can reach. */
export interface ControlTarget {
  readonly faults: FaultControl;
  state(): SimState;
  /** Faults off, counters and journal empty. */
  reset(): void;
}

export const CONTROL_PREFIX = '/__sim/';

const KINDS = new Set([
  'refuse',
  'reset',
  'hang',
  'status',
  'error-first',
  'error-line',
  'cut',
  'end-early',
  'stall',
  'slow',
  'garbage',
  'stopped',
  'wedged',
  'gpu-lost',
  'hung-runner',
  'dead-runner',
  'orphan-memory',
]);

const isFault = (value: unknown): value is Fault =>
  isObject(value) && typeof value['kind'] === 'string' && KINDS.has(value['kind']);

const setFaults = (exchange: Exchange, faults: FaultControl): void => {
  const decoded = decodeGoJson(exchange.body);
  const wanted: readonly unknown[] = decoded.ok ? (Array.isArray(decoded.value) ? decoded.value : [decoded.value]) : [];
  if (!decoded.ok || !wanted.every(isFault)) {
    exchange.json(400, {
      error: `POST ${CONTROL_PREFIX}faults wants a fault or a list of faults; kind is one of ${[...KINDS].join(', ')}`,
    });
    return;
  }
  try {
    faults.clear();
    for (const fault of wanted) faults.set(fault);
    exchange.json(200, { faults: faults.list() });
  } catch (error) {
    faults.clear();
    exchange.json(400, { error: error instanceof Error ? error.message : String(error) });
  }
};

/**
 * The remote control of the simulator; a real Ollama answers 404 to all of it. `POST faults` replaces the switched-on
 * faults by those in the body (`[]` clears them), `GET state` looks inside, `POST reset` forgets counters and faults.
 * False = not a control route.
 */
export const control = (exchange: Exchange, target: ControlTarget): boolean => {
  switch (`${exchange.method} ${exchange.path}`) {
    case `POST ${CONTROL_PREFIX}faults`:
      setFaults(exchange, target.faults);
      return true;
    case `GET ${CONTROL_PREFIX}state`:
      exchange.json(200, target.state());
      return true;
    case `POST ${CONTROL_PREFIX}reset`:
      target.reset();
      exchange.json(200, {});
      return true;
    default:
      return false;
  }
};
