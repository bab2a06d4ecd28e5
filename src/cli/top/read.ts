import {
  QUEUE_CLASSES,
  type QueueClass,
  type TopDecision,
  type TopModel,
  type TopRates,
  type TopServer,
  type TopState,
} from './model.ts';
import { stateOf } from './server-state.ts';

/** Decisions kept: as many as the proxy's own list has, more than a terminal shows. */
const MOST_DECISIONS = 40;
/** Steps of ten seconds kept for the small chart: ten minutes. */
const MOST_STEPS = 60;

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const objects = (value: unknown): readonly Members[] => (Array.isArray(value) ? value.filter(isObject) : []);

const membersOf = (value: unknown): Members => (isObject(value) ? value : {});

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

const modelOf = (model: Members): TopModel => ({
  name: text(model['name']),
  running: number(model['running']) ?? 0,
  slots: number(model['slots']),
  sizeBytes: number(model['sizeBytes']) ?? 0,
  vramBytes: number(model['vramBytes']) ?? 0,
});

const serverOf = (server: Members): TopServer => {
  const models = objects(server['models']);
  const blocked = models
    .map((model) => ({ name: text(model['name']), breaker: text(model['breaker']) }))
    .filter(({ breaker }) => breaker !== '' && breaker !== 'closed');
  const ills = objects(server['ills']).map((ill) => ({ kind: text(ill['kind']), model: text(ill['model']) }));
  const facts = {
    enabled: server['enabled'] !== false,
    draining: server['draining'] === true,
    health: text(server['health']),
    breaker: text(server['breaker']),
    lastError: text(server['lastError']),
    ills,
    blocked,
  };
  return {
    name: text(server['name']),
    ...stateOf(facts),
    running: number(server['inflight']) ?? 0,
    loaded: models.filter((model) => model['loaded'] === true || (number(model['running']) ?? 0) > 0).map(modelOf),
  };
};

const decisionOf = (row: Members): TopDecision => {
  const error = text(row['error']);
  return {
    id: text(row['id']),
    at: Date.parse(text(row['time'])),
    model: text(row['model']),
    category: text(row['category']),
    backend: text(row['backend']),
    outcome: text(row['outcome']),
    problem: error,
    attempts: number(row['attempts']) ?? 0,
    queueMs: number(row['queueMs']) ?? 0,
    foreseenMs: number(row['foreseenMs']),
    seenMs: number(row['seenMs']),
  };
};

const waitingOf = (queue: unknown): Readonly<Record<QueueClass, number>> => {
  const waiting = membersOf(membersOf(queue)['waiting']);
  const [interactive, normal, batch] = QUEUE_CLASSES.map((each) => number(waiting[each]) ?? 0);
  return { interactive: interactive ?? 0, normal: normal ?? 0, batch: batch ?? 0 };
};

const ratesOf = (rates: unknown): TopRates => {
  const members = membersOf(rates);
  return {
    requestsPerSecond: number(members['requestsPerSecond']),
    failedPerSecond: number(members['failedPerSecond']),
    tokensInPerSecond: number(members['tokensInPerSecond']),
    tokensOutPerSecond: number(members['tokensOutPerSecond']),
    firstTokenP50Ms: number(members['firstTokenP50Ms']),
    firstTokenP95Ms: number(members['firstTokenP95Ms']),
  };
};

const statusOf = (status: unknown): Pick<TopState, 'version' | 'strategy' | 'ready' | 'reason'> => {
  const members = membersOf(status);
  return {
    version: text(members['version']),
    strategy: text(members['strategy']),
    ready: members['ready'] === true,
    reason: text(members['reason']),
  };
};

const stepsOf = (series: unknown): readonly number[] => {
  const steps = membersOf(series)['tokensOutPerSecond'];
  return Array.isArray(steps) ? steps.slice(-MOST_STEPS).map((step) => number(step) ?? 0) : [];
};

/** Is it the first event of the admin API's stream? */
export const isSnapshot = (value: unknown): value is Members =>
  isObject(value) && Array.isArray(value['servers']) && isObject(value['status']);

/** What a snapshot says. Whatever is missing in it reads as unknown, so that a proxy of another version can be watched. */
export const readSnapshot = (snapshot: Members): TopState => ({
  ...statusOf(snapshot['status']),
  servers: objects(snapshot['servers']).map(serverOf),
  waiting: waitingOf(snapshot['queue']),
  rates: ratesOf(snapshot['rates']),
  decisions: objects(snapshot['decisions']).slice(0, MOST_DECISIONS).map(decisionOf),
  tokensOut: stepsOf(snapshot['series']),
});

/** Those that changed in their places, those that are new at the end, without those that are gone. */
const changedServers = (servers: readonly TopServer[], data: Members): readonly TopServer[] => {
  const known = new Map(servers.map((server) => [server.name, server]));
  for (const each of objects(data['changed'])) {
    const server = serverOf(each);
    known.set(server.name, server);
  }
  const gone: unknown = data['gone'];
  if (Array.isArray(gone)) for (const name of gone) known.delete(text(name));
  return [...known.values()];
};

/** The state after an event; the same one where the event says nothing that is shown. */
export const afterEvent = (state: TopState, event: string, value: unknown): TopState => {
  const data = membersOf(value);
  switch (event) {
    case 'servers':
      return { ...state, servers: changedServers(state.servers, data) };
    case 'status':
      return { ...state, ...statusOf(data) };
    case 'queue':
      return { ...state, waiting: waitingOf(data) };
    case 'rates':
      return { ...state, rates: ratesOf(data) };
    case 'decisions': {
      const rows = objects(data['rows']).map(decisionOf);
      return { ...state, decisions: [...rows, ...state.decisions].slice(0, MOST_DECISIONS) };
    }
    case 'point': {
      const step = number(data['tokensOutPerSecond']) ?? 0;
      return { ...state, tokensOut: [...state.tokensOut, step].slice(-MOST_STEPS) };
    }
    default:
      return state;
  }
};
