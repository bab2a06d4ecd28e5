import { formatHostPort } from './units.ts';
import type { HostPort } from './types.ts';

/** Whether only this machine can reach it: 127.0.0.0/8, ::1, localhost. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(host);

/** Loopback names are taken for one address, and a wildcard for all of them. */
const overlap = (a: string, b: string): boolean => {
  const wild = (host: string): boolean => host === '0.0.0.0' || host === '::';
  return a === b || wild(a) || wild(b) || (isLoopback(a) && isLoopback(b) && (a === 'localhost' || b === 'localhost'));
};

export interface Listener {
  readonly name: 'proxy' | 'admin' | 'metrics';
  readonly address: HostPort;
}

export interface ListenerProblem {
  readonly listener: Listener;
  /** The other party, where two are in conflict. */
  readonly other?: Listener;
  readonly message: string;
}

/** What the listeners may not be together: two on one port, or an admin listener that others reach without a token. */
export const listenerProblems = (
  listeners: readonly Listener[],
  token: string | undefined,
): readonly ListenerProblem[] => {
  const problems: ListenerProblem[] = [];
  for (const [index, listener] of listeners.entries()) {
    const { address, name } = listener;
    const other = listeners
      .slice(0, index)
      .find(
        (one) => address.port !== 0 && one.address.port === address.port && overlap(one.address.host, address.host),
      );
    if (other !== undefined) {
      problems.push({
        listener,
        other,
        message: `${formatHostPort(address)} is taken by the ${other.name} listener (${formatHostPort(other.address)}): give each listener its own port`,
      });
    }
    if (name === 'admin' && token === undefined && !isLoopback(address.host)) {
      problems.push({
        listener,
        message: `the admin listener on ${formatHostPort(address)} can be reached from elsewhere and has no token: set admin.token (or TASK_ROUTER_ADMIN_TOKEN), or listen on 127.0.0.1`,
      });
    }
  }
  return problems;
};
