import type { Log } from '../core/types.ts';
import { FileStore } from './file.ts';
import { MemoryStore } from './memory.ts';
import type { StateStore } from './store.ts';

/** The store that the configuration asks for (`state`). */
export const openStore = (state: { readonly kind: 'memory' | 'file'; readonly path?: string }, log: Log): StateStore =>
  state.kind === 'file' && state.path !== undefined ? new FileStore({ path: state.path, log }) : new MemoryStore();
