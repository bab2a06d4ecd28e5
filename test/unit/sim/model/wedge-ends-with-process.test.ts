import { expect, it } from 'vitest';
import { Machine } from '../../../../src/sim/model/machine.ts';
import { installModel } from '../../../../src/sim/model/models.ts';
import { profiles } from '../../../../src/sim/model/profile.ts';
import { VirtualTime } from '../../../../src/sim/model/scheduler.ts';

it('loads again after a restart, although nothing was loaded any more before it', () => {
  const clock = new VirtualTime();
  const machine = new Machine({ clock, profile: profiles['fast-gpu'] });
  machine.fall({ kind: 'wedged' }, () => {});
  machine.stop();
  let end = '';
  machine.submit(
    { model: installModel('llama3.2:1b', 0), kind: 'load', prompt: [], outputTokens: 0 },
    {
      end: ({ kind }) => {
        end = kind;
      },
    },
  );
  clock.run(60_000);
  expect(end).toBe('done');
});
