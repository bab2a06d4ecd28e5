import type { Fault, Kind, Phase } from './faults.ts';

/** What the client must see: beside a good server, and alone. */
type Seen = readonly [beside: string, alone: string];

const ELSEWHERE = 'whole, from the other';
const FAILED = '502 backend_failed';
const LATE = '504 backend_timeout';
const IN_STREAM = 'cut, error in the stream';
const both = (seen: string): Seen => [seen, seen];
const moved = (alone: string): Seen => [ELSEWHERE, alone];

type Row = Readonly<Record<Kind, Seen>>;
/** @param none where no model is named; as with one, unless said otherwise. So is an upload. */
const row = (stream: Seen, whole: Seen, named: Seen, none = named, upload = none): Row => ({
  stream,
  whole,
  'model named': named,
  'no model': none,
  upload,
});

/** Nothing of an answer was there: what can be sent again is, and an upload, of which a part is gone, is not. */
const BEFORE = row(moved(FAILED), moved(FAILED), moved(FAILED), moved(FAILED), both(FAILED));
const AFTER_BYTES = row(both(IN_STREAM), moved(FAILED), both('cut'));
const SILENCE = row(moved(LATE), moved(LATE), moved(LATE), moved(LATE), both(LATE));
const SILENCE_AFTER_BYTES = row(both(IN_STREAM), moved(LATE), both('cut'));
const WELL = both('whole, from the same');
/** All of it was there but the end of its framing: a model's answer says itself that it is whole. */
const ALL_BUT_FRAMING = row(WELL, WELL, both('cut'));
const FINE = row(WELL, WELL, WELL);
/** An answer of a route that runs no model is the client's, whatever it says. */
const asItIs = (status: number): Seen => both(`its ${status} as it is`);

/** The head of an answer is held back until there is more of it. */
const broken = (phase: Phase): Row => (phase === 'mid-answer' || phase === 'last chunk' ? AFTER_BYTES : BEFORE);

/** The promise for a fault in a phase. */
export const promised = (fault: Fault, phase: Phase): Row => {
  switch (fault) {
    case 'refuse':
    case 'reset':
    case 'cut':
    case 'half-close':
    case 'tls':
      return phase === 'last chunk' ? ALL_BUT_FRAMING : broken(phase);
    case 'blackhole':
    case 'hang':
    case 'stall':
      if (phase === 'last chunk') return ALL_BUT_FRAMING;
      return phase === 'mid-answer' ? SILENCE_AFTER_BYTES : SILENCE;
    case 'slow':
      return FINE;
    case '500':
      return row(moved(FAILED), moved(FAILED), asItIs(500));
    case '503':
      return row(
        moved('503 no_backend'),
        moved('503 no_backend'),
        moved('its 503 as it is'),
        moved('its 503 as it is'),
        asItIs(503),
      );
    case '404':
      // Where a model is named that the server lists, its no is taken for a list that is behind the times.
      return row(moved('its 404 as it is'), moved('its 404 as it is'), moved('its 404 as it is'), asItIs(404));
    case 'error line':
      return phase === 'first piece'
        ? row(moved(FAILED), moved(FAILED), asItIs(200))
        : row(both('its error in the stream'), asItIs(200), asItIs(200));
    case 'garbage':
      // A stream's and a model's answer is read, the others are not.
      return phase === 'first piece' ? row(moved(FAILED), moved(FAILED), asItIs(200)) : broken(phase);
  }
};

const OF_THE_SERVER = new Set(['connect', 'reset']);
const OF_NOBODY = new Set(['', 'overloaded', 'model-missing', 'route-missing']);

/** The breaker that must step for a failure with this reason, none where there was none. */
export const stepping = (kind: Kind, reason: string): 'server' | 'model' | 'none' => {
  if (OF_THE_SERVER.has(reason)) return 'server';
  return OF_NOBODY.has(reason) || (kind !== 'stream' && kind !== 'whole') ? 'none' : 'model';
};

/** A server that stands alone is asked once more where its connection broke before an answer; nobody is asked thrice. */
export const mostHits = (kind: Kind, reason: string, alone: boolean): number =>
  alone && reason === 'reset' && (kind === 'stream' || kind === 'whole') ? 2 : 1;
