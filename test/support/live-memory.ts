import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of buffers that something still holds: garbage is collected first, which Node versions do at different times. */
export const heldBytes = (): number => {
  collect();
  return process.memoryUsage().arrayBuffers;
};
