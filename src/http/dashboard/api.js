import { tokenDialog } from './dialogs.js';

const KEY = 'admin-token';
let asking;

const headers = () => {
  const token = sessionStorage.getItem(KEY);
  return token === null ? {} : { authorization: `Bearer ${token}` };
};

/**
 * Asks for the token, once however many calls are waiting for it. Gone with the tab.
 * @returns whether one was given
 */
const askToken = () => {
  asking ??= tokenDialog(sessionStorage.getItem(KEY) !== null).then((token) => {
    asking = undefined;
    if (token !== undefined) sessionStorage.setItem(KEY, token);
    return token !== undefined;
  });
  return asking;
};

/** The proxy refused; the message is its own. */
export class Refused extends Error {
  constructor(status, body) {
    super(body?.error ?? `the proxy answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** One request to the admin API, with the token where one is needed. @throws Refused, or TypeError when nobody answers */
export const request = async (path, init = {}) => {
  for (;;) {
    const used = headers();
    const answer = await fetch(`admin/v1/${path}`, {
      ...init,
      headers: { ...init.headers, ...used },
      cache: 'no-store',
    });
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => undefined);
    // Another call may have been given a token while this one was under way.
    if (answer.status === 401 && (headers().authorization !== used.authorization || (await askToken()))) continue;
    throw new Refused(answer.status, body);
  }
};

/** One call; what it answers. */
export const call = async (method, path, body) => {
  const answer = await request(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return answer.json();
};
