import { describe, expect, it } from 'vitest';
import { LEANING, type Start } from '../../../src/admission/entrant.ts';
import { entrant, QueueScene } from '../../support/queue-scene.ts';

/** Leans as long as it may, and takes what is free when it is asked for the last time. */
const picky = (scene: QueueScene, name: string, free = true): (() => void) =>
  scene.gate.enter(
    entrant({ id: name }),
    (last): Start<string> => (last && free ? { kind: 'started', value: name } : LEANING),
    { started: (value) => scene.started.push(value), refused: (error) => scene.refused.push(error) },
  );

describe('a request that waits for a better place than there is', () => {
  it('takes what is free rather than be refused because it has waited too long', () => {
    const scene = new QueueScene();
    picky(scene, 'a');
    expect([scene.started, scene.gate.size]).toEqual([[], 1]);
    scene.timers[0]?.run();
    expect([scene.started, scene.refused, scene.gate.size, scene.gate.bytes]).toEqual([['a'], [], 0, 0]);
  });

  it('takes what is free rather than be refused because the queue is full', () => {
    const scene = new QueueScene({}, { maxWaiting: 1 });
    picky(scene, 'a');
    picky(scene, 'b');
    expect([scene.started, scene.refused, scene.gate.size]).toEqual([['b'], [], 1]);
  });

  it('is refused where nothing is free for it after all', () => {
    const scene = new QueueScene({}, { maxWaiting: 1 });
    picky(scene, 'a', false);
    picky(scene, 'b', false);
    scene.timers[0]?.run();
    expect(scene.refused.map(({ code }) => code)).toEqual(['queue_full', 'queue_timeout']);
    expect([scene.started, scene.gate.size]).toEqual([[], 0]);
  });
});
