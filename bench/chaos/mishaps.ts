import type { SimModel } from '../../src/sim/model/models.ts';

/** What can be the matter with a server, until it is mended. */
export type Fault =
  /** The process is gone: what runs is cut, connections are refused, memory is empty. */
  | { readonly kind: 'kill' }
  /** It takes connections and says nothing, to looks either; mended by starting it anew. */
  | { readonly kind: 'hang' }
  /** The process is stopped and goes on later where it was. */
  | { readonly kind: 'pause' }
  /** No packet passes between proxy and server; the server works on. */
  | { readonly kind: 'partition' }
  /** New requests take so many times as long. */
  | { readonly kind: 'slow'; readonly factor: number }
  /** 500 for every request, while its lists look well. */
  | { readonly kind: 'black-hole' }
  /** Breaks answers off with an error line: instead of the first record, or after it. */
  | { readonly kind: 'error-line'; readonly first: boolean }
  /** Closes the connection after the first record. */
  | { readonly kind: 'cut' }
  /** 503, as a full queue says. */
  | { readonly kind: 'busy' }
  /** The lists answer, and requests for this model hang. */
  | { readonly kind: 'hung-runner'; readonly model: SimModel }
  /** Models in memory answer, and nothing is loaded any more. */
  | { readonly kind: 'wedged-loads' }
  /** `/api/ps` lists nothing. */
  | { readonly kind: 'lying-ps' }
  /** The model was deleted behind the proxy's back. */
  | { readonly kind: 'deleted'; readonly model: SimModel };

export type FaultKind = Fault['kind'];

export const FAULT_KINDS: readonly FaultKind[] = [
  'kill',
  'hang',
  'pause',
  'partition',
  'slow',
  'black-hole',
  'error-line',
  'cut',
  'busy',
  'hung-runner',
  'wedged-loads',
  'lying-ps',
  'deleted',
];

/** Faults under which no look is answered. */
export const SILENT: ReadonlySet<FaultKind> = new Set(['hang', 'pause', 'partition']);

/** Faults that keep a server from answering a request well, whichever it is. */
export const BROKEN: ReadonlySet<FaultKind> = new Set([
  'kill',
  'hang',
  'pause',
  'partition',
  'black-hole',
  'error-line',
  'cut',
  'busy',
  'wedged-loads',
]);
