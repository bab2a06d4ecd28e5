import * as fc from 'fast-check';
import { PRIORITY_CLASSES } from '../../src/core/types.ts';
import { STRATEGY_NAMES } from '../../src/routing/index.ts';
import type { Ask } from './dispatch-ask.ts';
import { MODELS, type ServerPlan, type Trouble } from './dispatch-server.ts';
import type { DispatchWorld } from './dispatch-world.ts';

/** What may happen to a pool, `gapMs` after what happened before. */
export type Step = { readonly gapMs: number } & (
  | { readonly do: 'ask'; readonly ask: Omit<Ask, 'turn'> }
  | { readonly do: 'trouble'; readonly server: number; readonly trouble: Trouble | undefined }
  | { readonly do: 'drain' | 'disable' | 'remove'; readonly server: number; readonly on: boolean }
  | { readonly do: 'tell'; readonly server: number; readonly told: boolean }
  | { readonly do: 'weigh'; readonly server: number; readonly weight: number }
  | { readonly do: 'switch'; readonly strategy: string }
);

export interface Script {
  readonly plans: readonly ServerPlan[];
  readonly strategy: string;
  readonly steps: readonly Step[];
}

const NAMES = MODELS.map(({ name }) => name);

const plan: fc.Arbitrary<ServerPlan> = fc.record({
  slots: fc.integer({ min: 1, max: 3 }),
  told: fc.boolean(),
  speed: fc.constantFrom(1, 2, 0.3),
  maxLoaded: fc.integer({ min: 1, max: 3 }),
  models: fc.constantFrom(NAMES, NAMES.slice(0, 1), NAMES.slice(0, 2), NAMES.slice(1)),
});

const gapMs = fc.constantFrom(0, 0, 1, 30, 200, 700, 3_000, 20_000);

/** @param contexts of which each request asks for one; undefined = whatever the server takes */
export const askOf = (contexts: readonly (number | undefined)[]): fc.Arbitrary<Omit<Ask, 'turn'>> =>
  fc
    .record({
      model: fc.constantFrom(...NAMES, 'a:latest'),
      promptTokens: fc.integer({ min: 1, max: 2_000 }),
      outputTokens: fc.integer({ min: 1, max: 300 }),
      streams: fc.boolean(),
      session: fc.nat(3),
      tenant: fc.constantFrom('x', 'y'),
      priority: fc.constantFrom(...PRIORITY_CLASSES),
      numCtx: fc.constantFrom(...contexts),
      patienceMs: fc.constantFrom(undefined, undefined, undefined, 100, 2_500),
    })
    .map((ask) => (ask.model === 'embed:latest' ? { ...ask, outputTokens: 0, streams: false } : ask));

const server = fc.nat(3);

/** Scripts in which anything happens. The first server has every model. */
export const scripts = (contexts: readonly (number | undefined)[], steps = 40): fc.Arbitrary<Script> =>
  fc.record({
    plans: fc
      .array(plan, { minLength: 1, maxLength: 4 })
      .map(([first, ...rest]) => (first === undefined ? rest : [{ ...first, models: NAMES }, ...rest])),
    strategy: fc.constantFrom(...STRATEGY_NAMES, 'hybrid'),
    steps: fc.array(
      fc.oneof(
        { weight: 12, arbitrary: fc.record({ gapMs, do: fc.constant('ask' as const), ask: askOf(contexts) }) },
        {
          weight: 2,
          arbitrary: fc.record({
            gapMs,
            do: fc.constant('trouble' as const),
            server,
            trouble: fc.constantFrom(undefined, 'dead', 'busy', 'breaking'),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ gapMs, do: fc.constantFrom('drain', 'disable', 'remove'), server, on: fc.boolean() }),
        },
        { weight: 1, arbitrary: fc.record({ gapMs, do: fc.constant('tell' as const), server, told: fc.boolean() }) },
        {
          weight: 1,
          arbitrary: fc.record({ gapMs, do: fc.constant('weigh' as const), server, weight: fc.constantFrom(1, 3) }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            gapMs,
            do: fc.constant('switch' as const),
            strategy: fc.constantFrom(...STRATEGY_NAMES),
          }),
        },
      ),
      { maxLength: steps, size: 'max' },
    ),
  });

/** Does one step now. @param spared nothing happens to this server */
export const perform = (world: DispatchWorld, step: Step, turns: Map<number, number>, spared?: string): void => {
  if (step.do === 'ask') {
    const turn = turns.get(step.ask.session) ?? 0;
    turns.set(step.ask.session, (turn + 1) % 6);
    world.arrive({ ...step.ask, turn });
    return;
  }
  if (step.do === 'switch') {
    world.switchTo(step.strategy);
    return;
  }
  const target = world.servers.get(`s${step.server}`);
  if (target === undefined) return;
  const { id } = target;
  if (step.do === 'tell') {
    target.told = step.told;
    world.reload();
    return;
  }
  if (step.do === 'weigh') {
    target.weight = step.weight;
    world.reload();
    return;
  }
  if (id === spared) return;
  switch (step.do) {
    case 'trouble':
      target.trouble = undefined;
      if (step.trouble !== undefined) target.begin(step.trouble);
      return;
    case 'drain':
      world.registry.setDraining(id, step.on);
      world.gate.pump();
      return;
    case 'disable':
      world.registry.setEnabled(id, !step.on);
      world.gate.pump();
      return;
    case 'remove':
      if (step.on) world.removed.add(id);
      else world.removed.delete(id);
      world.reload();
  }
};

/** Plays a script, and afterwards until everything has come to its end or an hour has passed. */
export const playScript = (world: DispatchWorld, { steps }: Script, look: () => void, spared?: string): void => {
  const turns = new Map<number, number>();
  let at = 0;
  for (const step of steps) {
    at += step.gapMs;
    world.clock.at(at, () => perform(world, step, turns, spared));
  }
  world.play(at, look);
  const HOUR_MS = 3_600_000;
  for (let left = HOUR_MS; left > 0 && world.open.length > 0; left -= 1_000) {
    world.play(world.clock.now() + 1_000, look);
  }
};
