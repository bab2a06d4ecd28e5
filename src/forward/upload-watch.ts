import type { ClientRequest, IncomingMessage } from 'node:http';

/** Looks per limit: a silent client is found at most a quarter of it too late. */
const LOOKS = 4;

/**
 * Watches a request body on its way through to a backend. It reads the socket's count instead of the body, so that the
 * upload costs nothing more; time counts only while the backend takes bytes, so that a slow one is never the client's
 * fault.
 * @param idleMs longest silence of the client, > 0
 * @param upstream where the body goes; undefined while there is no connection yet
 * @param silent told once when the client has been silent for too long
 * @returns ends the watch
 */
export const watchUpload = (
  req: IncomingMessage,
  idleMs: number,
  upstream: () => ClientRequest | undefined,
  silent: () => void,
): (() => void) => {
  let seen = req.socket.bytesRead;
  let still = 0;
  const timer = setInterval(() => {
    if (req.complete || req.destroyed) {
      clearInterval(timer);
      return;
    }
    const read = req.socket.bytesRead;
    const taking = upstream()?.writableNeedDrain === false;
    still = taking && read === seen ? still + 1 : 0;
    seen = read;
    if (still < LOOKS) return;
    clearInterval(timer);
    silent();
  }, idleMs / LOOKS);
  timer.unref();
  return () => clearInterval(timer);
};
