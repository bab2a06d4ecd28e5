import { createCharts } from './charts.js';
import { createControls } from './controls.js';
import { createDecisions } from './decisions.js';
import { byId, h, say } from './dom.js';
import { createEstimates } from './estimates.js';
import { Feed } from './feed.js';
import { clock } from './format.js';
import { createAttention, createQueue, createVitals } from './overview.js';
import { openServer } from './server-panel.js';
import { createServers } from './servers.js';
import { badge } from './status.js';
import { Store } from './store.js';

/** What counts down is drawn anew this often. */
const CLOCK_MS = 5_000;

const store = new Store();
const manage = (name) => openServer(store, name);

const charts = createCharts(byId('charts'));
const vitals = createVitals(store);
const queue = createQueue(store);
const attention = createAttention(store, manage);
const servers = createServers(store, manage);
const decisions = createDecisions(store);
createEstimates();
createControls(store);
charts([]);

const status = () => {
  say(byId('version'), store.status.version);
  say(byId('strategy-name'), store.status.strategy);
};

const PARTS = {
  snapshot: [
    status,
    vitals,
    queue,
    attention,
    servers,
    decisions,
    () => charts(store.points),
    () => document.body.classList.remove('waiting'),
  ],
  status: [status, attention],
  servers: [servers, vitals, attention],
  queue: [queue, vitals],
  rates: [vitals],
  decisions: [decisions],
  point: [() => charts(store.points)],
  reload: [attention],
};

/** Kinds that changed since the last frame: a burst of events is drawn once. */
const stale = new Set();
store.listen((kind) => {
  if (stale.size === 0) {
    requestAnimationFrame(() => {
      const parts = new Set([...stale].flatMap((each) => PARTS[each] ?? []));
      stale.clear();
      for (const draw of parts) draw();
    });
  }
  stale.add(kind);
});

let heardAt;
const live = byId('live');
let shownState = '';
const showState = (key, ...nodes) => {
  if (key === shownState) return;
  shownState = key;
  live.replaceChildren(...nodes);
};

const feed = new Feed(
  (event, data) => {
    heardAt = Date.now();
    store.take(event, data);
  },
  (state, detail) => {
    document.body.classList.toggle('stale', state !== 'live');
    if (state === 'live') {
      showState('live', badge('ok', 'Live'));
      return;
    }
    const again = (text) => h('button', { type: 'button', class: 'link', text, on: { click: () => feed.retry() } });
    if (state === 'refused') {
      showState(`refused ${detail}`, badge('bad', 'No access'), again('Try again'));
      return;
    }
    const since = heardAt === undefined ? '' : ` since ${clock(heardAt)}`;
    // The countdown is for the eye: read out every second it would drown everything else.
    const waiting = live.querySelector('.countdown');
    if (shownState === `lost${since}` && waiting !== null) {
      say(waiting, `${detail} s`);
      return;
    }
    showState(
      `lost${since}`,
      badge('bad', `Unreachable${since}`),
      h('span', { class: 'countdown quiet', 'aria-hidden': 'true', text: `${detail} s` }),
      again('Retry'),
    );
  },
);
addEventListener('online', () => feed.retry());
setInterval(() => store.status && servers(), CLOCK_MS);
void feed.run();
