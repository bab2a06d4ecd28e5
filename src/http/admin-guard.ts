import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { single } from '../forward/headers.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Equal or not, in a time that does not depend on where they differ. */
const sameSecret = (given: string, wanted: string): boolean => timingSafeEqual(digest(given), digest(wanted));

const tokenOf = (req: IncomingMessage): string | undefined =>
  /^Bearer (.+)$/i.exec(req.headers.authorization ?? '')?.[1];

/** `Host` names that a browser can only have been given for this very machine. */
const LOCAL_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|[a-z0-9-]+\.localhost)(:\d+)?$/i;

/** Why an admin request is refused; undefined when it may pass. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
}

/**
 * Who may use the admin listener. With a token: whoever has it. Without one the listener is on loopback, where the
 * danger is a web page in the operator's browser, so a foreign `Host` (DNS rebinding) or `Origin` (cross-site request)
 * is refused.
 */
export const adminRefusal = (req: IncomingMessage, token: string | undefined): Refusal | undefined => {
  if (token !== undefined) {
    const given = tokenOf(req);
    if (given !== undefined && sameSecret(given, token)) return undefined;
    return { status: 401, message: 'send the admin token as "Authorization: Bearer TOKEN" (admin.token)' };
  }
  const host = req.headers.host ?? '';
  if (!LOCAL_HOST.test(host)) {
    return { status: 403, message: `Host ${JSON.stringify(host)} is not this machine; set admin.token to use it` };
  }
  const origin = single(req.headers, 'origin');
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return { status: 403, message: `Origin ${JSON.stringify(origin)} is not the admin page` };
  }
  if (single(req.headers, 'sec-fetch-site') === 'cross-site') {
    return { status: 403, message: 'cross-site requests are refused' };
  }
  return undefined;
};

/**
 * Who may have the files of the dashboard. They hold nothing, so that with a token everybody gets the page that asks for
 * it. Without one the rules are those of the API, but a link on another site may lead here: the page cannot be framed,
 * and what it calls is called from itself.
 */
export const pageRefusal = (req: IncomingMessage, token: string | undefined): Refusal | undefined => {
  if (token !== undefined) return undefined;
  const { headers } = req;
  const followed = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  const isLink = followed && headers.origin === undefined && LOCAL_HOST.test(headers.host ?? '');
  return isLink ? undefined : adminRefusal(req, undefined);
};

/** Who made a change, for the audit log; never the token itself. */
export const actorOf = (req: IncomingMessage, token: string | undefined): string =>
  `${req.socket.remoteAddress ?? 'unknown'}${token === undefined ? '' : ' (token)'}`;
