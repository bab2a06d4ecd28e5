import type { HostView } from './view.ts';

/**
 * Why a host must not be sent a keep_alive now; undefined when it may. A server stops loading for good when a request
 * with a keep_alive reaches a model that is to make room for a pending load (ollama issue 17408, seen on 0.33): so
 * nothing goes to a host that has a load pending or a model draining. Whoever sends asks again right before it does.
 */
export const unsafe = (host: HostView): string | undefined => {
  if (!host.usable) return 'it cannot take requests now';
  if (host.loadsPending > 0) return 'a load is pending there';
  for (const { loading, draining, model } of host.residents) {
    if (loading) return `${model} is loading there`;
    if (draining) return `${model} is about to leave its memory`;
  }
  return undefined;
};
