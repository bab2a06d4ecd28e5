import { describe, expect, it } from 'vitest';
import type { Leaning, Start } from '../../../src/admission/entrant.ts';
import { entrant, QueueScene } from '../../support/queue-scene.ts';

/** Names that may start at once where they are asked. */
type Scene = QueueScene & { readonly ready: Set<string>; readonly kept: string[] };

const sceneOf = (closed: ReadonlySet<string> = new Set()): Scene => {
  const hooks = { walkBegins: () => {}, mayStart: (lane: string, at: string) => !closed.has(`${lane} at ${at}`) };
  return Object.assign(new QueueScene({}, { hooks }), { ready: new Set<string>(), kept: [] });
};

/** Waits for a place at `on`, unless it is ready to start. */
const wait = (scene: Scene, name: string, on: string, lane = 'm'): void => {
  const leaning: Leaning = { kind: 'leaning', on, keep: () => void scene.kept.push(name) };
  scene.gate.enter(
    entrant({ id: name, lane }),
    (): Start<string> => {
      scene.asked.push(name);
      return scene.ready.has(name) ? { kind: 'started', value: name } : leaning;
    },
    { started: (value) => scene.started.push(value), refused: (error) => scene.refused.push(error) },
  );
};

const crowd = (scene: Scene, count: number): string[] => {
  const names = Array.from({ length: count }, (_, i) => `w${i}`);
  for (const name of names) wait(scene, name, 'busy');
  scene.clock.advance(30);
  return names;
};

describe('a place that became free', () => {
  it('goes to whoever leans on it, however far back in line', () => {
    const scene = sceneOf();
    crowd(scene, 100);
    wait(scene, 'last', 'freed');
    scene.ready.add('last');
    scene.take('asked');
    scene.gate.pump(undefined, 'freed');
    expect(scene.started).toEqual(['last']);
  });

  it('is offered to the first in line besides, and to nobody else who leans elsewhere', () => {
    const scene = sceneOf();
    const names = crowd(scene, 100);
    wait(scene, 'last', 'freed');
    scene.take('asked');
    scene.gate.pump(undefined, 'freed');
    expect(scene.asked).toEqual([...names.slice(0, 8), 'last']);
  });

  it('leaves those who were not asked leaning where they did', () => {
    const scene = sceneOf();
    const names = crowd(scene, 20);
    scene.kept.length = 0;
    scene.gate.pump(undefined, 'freed');
    expect(scene.kept).toEqual(names.slice(8));
  });

  it('is not offered to lanes that cannot use it', () => {
    const scene = sceneOf(new Set(['n at freed']));
    wait(scene, 'a', 'freed', 'n');
    wait(scene, 'b', 'freed', 'm');
    scene.take('asked');
    scene.gate.pump(undefined, 'freed');
    expect(scene.asked).toEqual(['b']);
  });

  it('does not put off asking the others, however often one becomes free', () => {
    const scene = sceneOf();
    const names = crowd(scene, 30);
    for (let i = 0; i < 10; i++) {
      scene.clock.advance(5);
      scene.gate.pump(undefined, 'freed');
    }
    scene.take('asked');
    scene.gate.poke();
    expect(scene.asked).toEqual(names);
  });
});
