import type { HandedSockets, ListenerName } from '../http/listeners.ts';
import type { Io } from './io.ts';

/** Set by a process for the one that it starts in its place: its sockets by name, as JSON. */
export const HANDED_VARIABLE = 'TASK_ROUTER_HANDED_SOCKETS';

/** The first file descriptor that a service manager hands down (sd_listen_fds(3)). */
const FIRST_FD = 3;

const NAMES: readonly ListenerName[] = ['proxy', 'admin', 'metrics'];

const isName = (name: string): name is ListenerName => (NAMES as readonly string[]).includes(name);

/**
 * Sockets that listen already when this process begins: handed down by the process before it, or opened by a service
 * manager (`LISTEN_FDS` and its kin). A manager names them by `FileDescriptorName=`: proxy, admin, metrics; a single one
 * without such a name is the proxy's.
 * @throws Error when there is one that nobody has a use for: whoever connects to it would wait for ever
 */
export const handedSockets = ({ env, pid }: Pick<Io, 'env' | 'pid'>): HandedSockets => {
  const own = env[HANDED_VARIABLE];
  if (own !== undefined && own !== '') return JSON.parse(own) as HandedSockets;
  // They are for the process that is named; a child of it inherits the variables.
  if (env['LISTEN_PID'] !== String(pid)) return {};
  const count = Number(env['LISTEN_FDS'] ?? 0);
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  const handed: Partial<Record<ListenerName, HandedSockets['proxy'] & object>> = {};
  for (let i = 0; i < count; i++) {
    const given = names[i] ?? '';
    const name = count === 1 && !isName(given) ? 'proxy' : given;
    if (!isName(name) || handed[name] !== undefined) {
      throw new Error(
        `LISTEN_FDS: socket ${i + 1} is called ${JSON.stringify(given)}; call them proxy, admin and metrics (FileDescriptorName=), each once`,
      );
    }
    handed[name] = { fd: FIRST_FD + i, address: undefined };
  }
  return handed;
};
