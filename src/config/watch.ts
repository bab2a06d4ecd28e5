import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Editors write in several steps; a change counts once the file has been still for so long. */
const SETTLE_MS = 100;
/** A look without being told: network and bind mounts send no events, and a watched folder may be replaced. */
const POLL_MS = 2000;

const signatureOf = (path: string): string | undefined => {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`;
};

/** Like `signatureOf`; a file that cannot be looked at now is one that is not there now. */
const look = (path: string): string | undefined => {
  try {
    return signatureOf(path);
  } catch {
    return undefined;
  }
};

/**
 * Calls back after the file's content was replaced, in place or by renaming another over it or over a link on the way
 * to it (which is how Kubernetes updates a ConfigMap). It compares what the path leads to, so a file that vanishes for a
 * moment is no change until it is back. Does not keep the process alive.
 */
export const watchFile = (path: string, onChange: () => void): { stop(): void } => {
  const file = resolve(path);
  let known = look(file);
  let candidate = known;
  let settling: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;

  const settle = (): void => {
    settling = undefined;
    const now = look(file);
    if (now === undefined || now === known) return;
    if (now === candidate) {
      known = now;
      onChange();
    } else notice();
  };
  const notice = (): void => {
    candidate = look(file);
    if (candidate === undefined || candidate === known) return;
    clearTimeout(settling);
    settling = setTimeout(settle, SETTLE_MS).unref();
  };

  // One look for a burst of events: other files of the folder, a log say, may be written all the time.
  let asked = false;
  const stir = (): void => {
    if (asked) return;
    asked = true;
    setTimeout(() => {
      asked = false;
      notice();
    }, SETTLE_MS).unref();
  };

  const poll = setInterval(() => {
    if (settling === undefined) notice();
  }, POLL_MS).unref();
  try {
    // The folder, not the file: a watch on the file stays with the old one after a rename.
    watcher = watch(dirname(file), { persistent: false }, stir);
    watcher.on('error', () => watcher?.close());
  } catch {
    // No such folder, or no watches left on this system: polling alone does it, later.
  }

  return {
    stop() {
      clearInterval(poll);
      clearTimeout(settling);
      watcher?.close();
    },
  };
};
