import { spawn } from 'node:child_process';
import type { Server } from 'node:net';
import type { OpenSocket } from '../http/listeners.ts';
import { HANDED_VARIABLE } from './handed.ts';

/** State, certificates and a first look at each server take seconds; whoever is not ready by then will not be. */
const READY_MS = 60_000;

/** stdin, stdout, stderr and the channel over which it says that it is ready come before the sockets. */
const FIRST_FD = 4;

/**
 * The file descriptor of a listening socket. Node has no public name for it. @throws Error where there is none: on Windows
 */
const fdOf = (server: Server): number => {
  const { _handle: handle } = server as Server & { readonly _handle?: { readonly fd?: number } | null };
  if (handle?.fd === undefined || handle.fd < 0) throw new Error('this system hands no sockets down');
  return handle.fd;
};

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts the process that is to take over these sockets. They are the same sockets in both, with one line of connections
 * that wait to be accepted, so none is refused or lost whoever accepts it.
 * @returns its process id, once it listens and has said so
 * @throws Error when it ends before that or takes too long; nothing of it is left then
 */
export const startSuccessor = async (command: Command, sockets: readonly OpenSocket[]): Promise<number> => {
  const handed = Object.fromEntries(sockets.map(({ name, address }, i) => [name, { fd: FIRST_FD + i, address }]));
  const child = spawn(command.file, [...command.args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...sockets.map(({ socket }) => fdOf(socket))],
    env: { ...command.env, [HANDED_VARIABLE]: JSON.stringify(handed) },
  });
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.on('error', () => {});
      settle();
    };
    const timer = setTimeout(() => {
      done(() => reject(new Error(`it was not ready after ${READY_MS / 1000} s`)));
      child.kill('SIGKILL');
    }, READY_MS);
    child.once('error', (error) => done(() => reject(error)));
    child.once('exit', (code, signal) => {
      done(() => reject(new Error(`it ended (${signal ?? `exit code ${code}`}) before it was ready`)));
    });
    child.once('message', () => {
      done(() => resolve(child.pid ?? 0));
      if (child.connected) child.disconnect();
      child.unref();
    });
  });
};
