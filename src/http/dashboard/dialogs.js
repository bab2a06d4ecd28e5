import { byId, h } from './dom.js';

let count = 0;

/**
 * A modal dialog that is gone when it is closed. Escape closes it, focus goes back to where it was.
 * @param actions buttons at its foot @returns the element, with a promise of its end at `closed`
 */
export const openDialog = ({ title, body, actions, wide = false }) => {
  const id = `dialog-${++count}`;
  const close = h('button', { type: 'button', class: 'close', 'aria-label': 'Close' }, '×');
  const dialog = h(
    'dialog',
    { 'aria-labelledby': id, class: wide ? 'wide' : undefined },
    h('header', {}, h('h2', { id, text: title }), close),
    h('div', { class: 'content' }, body),
    actions.length > 0 && h('footer', {}, actions),
  );
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    // A click on the backdrop is one on the dialog itself.
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  const closed = new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
  });
  return { dialog, closed };
};

let clearing;

/** A word at the foot of the page, for a few seconds. */
export const toast = (text) => {
  const place = byId('toast');
  place.textContent = text;
  place.classList.add('shown');
  clearTimeout(clearing);
  clearing = setTimeout(() => place.classList.remove('shown'), 5_000);
};

/**
 * Asks before something is changed, changes it, and says so.
 * @param run does it; what it throws is shown in the dialog @param done the text afterwards
 * @returns whether it was done
 */
export const confirmDialog = async ({ title, body, verb, danger = false, run, done }) => {
  let happened = false;
  const problem = h('p', { class: 'problem', role: 'alert' });
  const cancel = h('button', { type: 'button', text: 'Cancel' });
  const go = h('button', { type: 'button', class: danger ? 'danger' : 'primary', text: verb });
  const { dialog, closed } = openDialog({ title, body: [body, problem], actions: [cancel, go] });
  cancel.addEventListener('click', () => dialog.close());
  go.addEventListener('click', async () => {
    go.disabled = true;
    problem.textContent = '';
    try {
      const result = await run();
      happened = true;
      dialog.close();
      toast(typeof done === 'function' ? done(result) : done);
    } catch (error) {
      problem.textContent = wordsOf(error);
      go.disabled = false;
    }
  });
  go.focus();
  await closed;
  return happened;
};

/** Why something failed, for people. */
export const wordsOf = (error) => {
  if (error instanceof TypeError) return 'The proxy cannot be reached.';
  const issues = error.body?.issues;
  if (!Array.isArray(issues)) return error.message;
  const lines = issues.map(
    ({ line, path, message }) => `${line > 0 ? `line ${line}: ` : ''}${path ? `${path}: ` : ''}${message}`,
  );
  return [error.message, ...lines].join('\n');
};

/** @param wrong one was given before @returns the token, undefined if none was given */
export const tokenDialog = async (wrong) => {
  let given;
  const input = h('input', { type: 'password', id: 'token-input', autocomplete: 'off', required: true });
  const send = h('button', { type: 'submit', class: 'primary', text: 'Continue' });
  const form = h(
    'form',
    { id: 'token-form' },
    wrong && h('p', { class: 'problem', role: 'alert', text: 'That token was not accepted.' }),
    h('label', { for: 'token-input', text: 'The admin token (admin.token of the configuration)' }),
    input,
    h('p', { class: 'hint', text: 'Kept in this tab until it is closed, and sent to this proxy only.' }),
    h('footer', {}, send),
  );
  const { dialog, closed } = openDialog({ title: 'Who goes there?', body: form, actions: [] });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    given = input.value.trim();
    dialog.close();
  });
  input.focus();
  await closed;
  return given === '' ? undefined : given;
};
