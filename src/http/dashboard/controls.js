import { candidateTable, legend } from './bars.js';
import { call } from './api.js';
import { byId, h } from './dom.js';
import { count } from './format.js';
import { confirmDialog, openDialog, wordsOf } from './dialogs.js';

const STRATEGIES = {
  'round-robin': 'One after the other, by weight. A baseline to compare with.',
  'least-loaded': 'Whoever has least to do for its weight.',
  random: 'By chance, by weight.',
  performance: 'Whoever has been fastest and most reliable so far.',
  affinity: 'The same conversation to the same server, so that it remembers.',
  hybrid: 'Whoever is foreseen to answer soonest, all costs counted.',
  learned: 'By what was learned from the results of each choice.',
};

const chooseStrategy = (store) => {
  const { strategy, available } = store.status;
  const choices = available.map((name) =>
    h(
      'label',
      { class: 'choice' },
      h('input', { type: 'radio', name: 'strategy', value: name, checked: name === strategy }),
      h('span', {}, h('strong', { text: name }), h('span', { class: 'quiet', text: STRATEGIES[name] ?? '' })),
    ),
  );
  const form = h(
    'form',
    {},
    h(
      'fieldset',
      {},
      h('legend', { class: 'quiet', text: 'For all requests from now on. Nothing that was learned is lost.' }),
      choices,
    ),
  );
  const picked = () => new FormData(form).get('strategy');
  return confirmDialog({
    title: 'Routing strategy',
    body: form,
    verb: 'Use this strategy',
    run: () => call('PUT', 'strategy', { strategy: picked() }),
    done: (result) => `Strategy: ${result.strategy}`,
  });
};

const reload = () =>
  confirmDialog({
    title: 'Reload the configuration?',
    body: h('p', {
      text: 'The file is read again. If anything in it is wrong, nothing changes. Requests that run are not touched.',
    }),
    verb: 'Reload',
    run: () => call('POST', 'config/reload'),
    done: ({ changes }) =>
      changes.length === 0
        ? 'Reloaded, nothing has changed'
        : `Reloaded: ${count(changes.length, 'change')} (${changes.map(({ path }) => path).join(', ')})`,
  });

const reset = () =>
  confirmDialog({
    title: 'Reset what was learned?',
    body: h('p', {
      text: 'Latencies, success rates and counts of each model on each server are forgotten, so that stale history no longer steers. Prometheus counters go on.',
    }),
    verb: 'Reset',
    danger: true,
    run: () => call('POST', 'metrics/reset'),
    done: 'Learned history was reset',
  });

const explain = async () => {
  const model = h('input', { id: 'explain-model', list: 'explain-models', required: true, autocomplete: 'off' });
  const names = h('datalist', { id: 'explain-models' });
  const prompt = h('textarea', { id: 'explain-prompt', rows: 5 });
  const go = h('button', { type: 'submit', class: 'primary', text: 'Explain' });
  const answer = h('div', { class: 'answer', 'aria-live': 'polite' });
  const form = h(
    'form',
    { class: 'ask' },
    h('label', { for: 'explain-model', text: 'Model' }),
    model,
    names,
    h('label', { for: 'explain-prompt', text: 'Prompt' }),
    prompt,
    h('div', { class: 'row' }, go, h('span', { class: 'hint', text: 'Nothing is sent to a server.' })),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      const said = await call('POST', 'explain', { model: model.value, prompt: prompt.value });
      const { understood } = said;
      answer.replaceChildren(
        h(
          'p',
          {},
          h('strong', { text: understood.category }),
          h('span', { class: 'quiet', text: ` ${understood.categoryWhy ?? ''}` }),
        ),
        h('p', {
          class: 'quiet',
          text: `${said.strategy}; about ${count(understood.promptTokens, 'prompt token')} and an answer of ${understood.outputTokens}. ${said.wouldWait ? 'It would wait in the queue.' : 'It would be sent at once.'}`,
        }),
        h('div', { class: 'legend' }, legend()),
        candidateTable(said.candidates),
        ...said.obstacles.map(({ backend, why }) => h('p', { class: 'quiet', text: `${backend}: ${why}` })),
      );
    } catch (error) {
      answer.replaceChildren(h('p', { class: 'problem', role: 'alert', text: wordsOf(error) }));
    }
    go.disabled = false;
  });
  openDialog({ title: 'Where would it go?', body: [form, answer], actions: [], wide: true });
  const { models } = await call('GET', 'models').catch(() => ({ models: [] }));
  names.replaceChildren(...models.map(({ name }) => h('option', { value: name })));
  if (model.value === '' && models.length > 0) model.value = models[0].name;
};

const THEMES = { '': 'dark', dark: 'light', light: '' };

const createTheme = () => {
  const button = byId('theme');
  const show = () => {
    const { theme = '' } = document.documentElement.dataset;
    const word = { '': 'Auto', dark: 'Dark', light: 'Light' }[theme];
    button.textContent = `◐ ${word}`;
    button.setAttribute('aria-label', `◐ ${word}: colours, change`);
  };
  button.addEventListener('click', () => {
    const next = THEMES[document.documentElement.dataset.theme ?? ''];
    if (next === '') {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem('theme');
    } else {
      document.documentElement.dataset.theme = next;
      localStorage.setItem('theme', next);
    }
    show();
  });
  show();
};

/** The buttons of the head. */
export const createControls = (store) => {
  byId('strategy').addEventListener('click', () => store.status && void chooseStrategy(store));
  byId('reload').addEventListener('click', () => void reload());
  byId('reset').addEventListener('click', () => void reset());
  byId('explain').addEventListener('click', () => void explain());
  createTheme();
};
