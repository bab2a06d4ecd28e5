import type { SimEnd, SimRequest, Timings } from '../../../../src/sim/model/job.ts';
import { Machine } from '../../../../src/sim/model/machine.ts';
import type { MachineOptions, Ticket } from '../../../../src/sim/model/machine-types.ts';
import { installModel, type SimModel } from '../../../../src/sim/model/models.ts';
import type { MachineProfile } from '../../../../src/sim/model/profile.ts';
import { VirtualTime } from '../../../../src/sim/model/scheduler.ts';

/** Round figures: with 5 GB of weights a prompt token takes 1 ms, an output token 10 ms, a load 1,000 + 5,000 ms. */
export const roundProfile: MachineProfile = {
  name: 'round',
  prefillPerSecond: 1000,
  decodePerSecond: 100,
  loadBaseMs: 1000,
  loadBytesPerSecond: 1e9,
  memoryBytes: 20e9,
  gpu: true,
  companySlowdown: 0.5,
};

/** A full-attention chat model with 5 GB of weights. */
export const chatModel = (name: string, changes: Partial<SimModel> = {}): SimModel => ({
  ...installModel('llama3.1:8b', 0),
  name,
  weights: `weights of ${name}`,
  size: 5e9,
  ...changes,
});

export interface Seen {
  readonly ticket: Ticket;
  /** Undefined while it runs. */
  end: SimEnd | undefined;
  ends: number;
  endedAt: number;
  firstTokenAt: number;
}

/** A machine on virtual time. */
export const newBench = (options: Partial<MachineOptions> = {}) => {
  const clock = new VirtualTime();
  const machine = new Machine({ clock, profile: roundProfile, ...options });
  /** Submits 100 tokens in and 10 out, unless told otherwise. */
  const send = (model: SimModel, changes: Partial<SimRequest> = {}): Seen => {
    const text = `${machine.counters.submitted} is a prompt of its own`;
    const request: SimRequest = {
      model,
      kind: 'completion',
      prompt: [{ text, tokens: 100 }],
      outputTokens: 10,
      ...changes,
    };
    const seen: { -readonly [Key in keyof Seen]: Seen[Key] } = {
      ticket: { cancel: () => undefined },
      end: undefined,
      ends: 0,
      endedAt: Number.NaN,
      firstTokenAt: Number.NaN,
    };
    seen.ticket = machine.submit(request, {
      firstToken: () => {
        seen.firstTokenAt = clock.now();
      },
      end: (end) => {
        seen.end = end;
        seen.ends += 1;
        seen.endedAt = clock.now();
      },
    });
    return seen;
  };
  /** Brings a model in, so that later times are free of its load. */
  const warm = (model: SimModel, changes: Partial<SimRequest> = {}): void => {
    send(model, { kind: 'load', prompt: [], outputTokens: 0, ...changes });
    clock.run(clock.now() + 60_000);
  };
  return { clock, machine, send, warm };
};

/** The timings of a request that was served. */
export const timingsOf = (seen: Seen): Timings => {
  if (seen.end?.kind !== 'done') throw new Error(`the request ended as ${seen.end?.kind ?? 'still running'}`);
  return seen.end.timings;
};
