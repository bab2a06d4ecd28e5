import { EventEmitter } from 'node:events';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/types.ts';

/** What a router tells its listeners, and with what. */
export interface TaskRouterEvents {
  'strategy-changed': [change: { readonly from: string; readonly to: string }];
  'breaker-opened': [breaker: { readonly model: string }];
  'breaker-closed': [breaker: { readonly model: string }];
}

/**
 * An emitter whose listeners cannot break what they listen to: one that throws or rejects is logged, and the others are
 * still called. Node's own `emit` would throw out of the routing call.
 */
export class SafeEmitter extends EventEmitter<TaskRouterEvents> {
  protected tell<Name extends keyof TaskRouterEvents>(log: Log, name: Name, payload: TaskRouterEvents[Name][0]): void {
    const failed = (error: unknown): void =>
      log.error({ event: name, error: errorText(error) }, `a listener of "${name}" failed; routing goes on`);
    for (const listener of this.rawListeners(name) as readonly ((payload: unknown) => unknown)[]) {
      try {
        const answer = listener.call(this, payload);
        if (answer instanceof Promise) answer.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }
}
