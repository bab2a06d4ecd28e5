import { amount, bars, duration } from './amounts.ts';
import { decisionLines } from './decisions.ts';
import { clipLine, span, widthOf, wrapped, type Line, type Span } from './lines.ts';
import { QUEUE_CLASSES, type TopServer, type TopState } from './model.ts';
import { serverLines } from './servers.ts';

/** How the state is looked at. */
export interface TopView {
  /** Cells of a line; Infinity where nothing has to be cut. */
  readonly columns: number;
  /** Lines; Infinity where all of it is wanted. */
  readonly rows: number;
  /** Servers left out at the top of their list, as far as there are so many. */
  readonly scroll: number;
  /** The admin listener that is watched. */
  readonly admin: string;
  /** Why nothing comes from it; undefined while it is live. */
  readonly trouble: string | undefined;
  /** What the keys do; '' where there are none. */
  readonly keys: string;
  /** ms since 1970 as a time of day. */
  readonly timeOf: (ms: number) => string;
}

/** Decisions that keep their place however many servers there are. */
const LEAST_DECISIONS = 5;
/** Servers that keep theirs. */
const LEAST_SERVERS = 3;

const GAP = span('   ');

const titleLine = (state: TopState | undefined, { admin, trouble }: TopView): Line => {
  const title = state === undefined || state.version === '' ? '' : ` ${state.version}`;
  const live =
    trouble !== undefined
      ? span('no connection, trying again', 'bad')
      : state === undefined
        ? span('connecting', 'quiet')
        : state.ready
          ? span('ready', 'ok')
          : span(`not ready: ${state.reason}`, 'bad');
  const strategy =
    state === undefined || state.strategy === '' ? [] : [GAP, span('strategy ', 'quiet'), span(state.strategy)];
  return [span(`ollama-task-router${title}`, 'strong'), GAP, live, ...strategy, GAP, span(admin, 'quiet')];
};

const slotsOf = (servers: readonly TopServer[]): number | undefined => {
  const known = servers
    .filter(({ level }) => level !== 'bad' && level !== 'off')
    .flatMap(({ loaded }) => loaded.map(({ slots }) => slots));
  return known.includes(undefined) ? undefined : known.reduce<number>((sum, slots) => sum + (slots ?? 0), 0);
};

const named = (name: string, value: string, style: Span['style'] = 'plain'): Line => [
  span(`${name} `, 'quiet'),
  span(value, style),
];

const joined = (parts: readonly Line[]): Line => parts.flatMap((part, i) => (i === 0 ? part : [GAP, ...part]));

const rateLines = ({ servers, waiting, rates, tokensOut }: TopState, columns: number): readonly Line[] => {
  const running = servers.reduce((sum, each) => sum + each.running, 0);
  const slots = slotsOf(servers);
  const up = servers.filter(({ level }) => level !== 'bad' && level !== 'off').length;
  const queued = QUEUE_CLASSES.reduce((sum, each) => sum + waiting[each], 0);
  const byClass = QUEUE_CLASSES.filter((each) => waiting[each] > 0).map((each) => `${each} ${waiting[each]}`);
  const failed = rates.failedPerSecond ?? 0;
  const load = joined([
    named('servers', `${up} of ${servers.length}`, up < servers.length ? 'warn' : 'plain'),
    named('running', `${running}${slots === undefined || slots === 0 ? '' : ` of ${slots} slots`}`),
    named('waiting', queued === 0 ? '0' : `${queued} (${byClass.join(', ')})`, queued === 0 ? 'plain' : 'warn'),
  ]);
  const first = named(
    'first token',
    `${duration(rates.firstTokenP50Ms)} typical, ${duration(rates.firstTokenP95Ms)} p95`,
  );
  const speed = joined([
    named('requests', `${amount(rates.requestsPerSecond)}/s`),
    named('failed', `${amount(failed)}/s`, failed > 0 ? 'bad' : 'plain'),
    named('tokens', `${amount(rates.tokensOutPerSecond)}/s out, ${amount(rates.tokensInPerSecond)}/s in`),
  ]);
  const wide = joined([speed, first]);
  const used = (line: Line): number => line.reduce((sum, { text }) => sum + widthOf(text), 0);
  const chart = tokensOut.every((each) => each === 0) ? [] : [GAP, span(bars(tokensOut), 'busy')];
  if (used(wide) > columns) return [load, speed, first];
  return [load, used([...wide, ...chart]) <= columns ? [...wide, ...chart] : wide];
};

/** How the lines that are left are shared: servers first, some decisions always. */
const shares = (room: number, servers: number, decisions: number): readonly [number, number] => {
  const kept = Math.min(decisions, LEAST_DECISIONS);
  const forServers = Math.max(Math.min(servers, LEAST_SERVERS), Math.min(servers, room - kept));
  return [forServers, Math.max(0, Math.min(decisions, room - forServers))];
};

/** The whole view, at most `rows` lines of at most `columns` cells. Depends on nothing but its arguments. */
export const renderTop = (state: TopState | undefined, view: TopView): readonly Line[] => {
  const { columns, rows, trouble, keys } = view;
  const head: Line[] = [titleLine(state, view)];
  if (trouble !== undefined) head.push(...wrapped(trouble, columns).map((text) => [span(text, 'bad')]));
  const body: Line[] = [];
  if (state !== undefined) {
    head.push(...rateLines(state, columns), []);
    // Two headings, a blank line between the lists, and the keys with a blank line before them.
    const room = rows - head.length - 3 - (keys === '' ? 0 : 2);
    const [serverRows, decisionRows] = shares(
      room,
      Math.max(1, state.servers.length),
      Math.max(1, state.decisions.length),
    );
    body.push(...serverLines(state.servers, { columns, rows: serverRows, scroll: view.scroll }), []);
    body.push(...decisionLines(state.decisions, { columns, rows: decisionRows, timeOf: view.timeOf }));
  }
  const lines = [...head, ...body];
  if (keys !== '' && lines.length + 2 <= rows) lines.push([], [span(keys, 'quiet')]);
  return lines.slice(0, rows).map((line) => clipLine(line, columns));
};
