import { DEFAULT_SHAPE } from '../../../src/core/demand.ts';
import type { HostView, ModelView, PlacementView, ResidentView, Room } from '../../../src/placement/view.ts';

/** What loading any model takes in these views, unless a test says otherwise. */
export const LOAD_MS = 6_000;

export const resident = (model: string, changes: Partial<ResidentView> = {}): ResidentView => ({
  model,
  sizeBytes: 5e9,
  shape: DEFAULT_SHAPE,
  expiresInMs: 240_000,
  keepAliveKnownMs: undefined,
  loadMs: LOAD_MS,
  running: 0,
  loading: false,
  draining: false,
  ...changes,
});

export interface HostPlan extends Partial<Omit<HostView, 'room' | 'installed'>> {
  readonly models?: readonly string[];
  readonly loadMs?: number;
  readonly embedding?: boolean;
  readonly room?: Room | ((model: string) => Room);
}

/** An idle host that has models `a`, `b` and `c` on disk and room for all of them. */
export const host = (id: string, { models = ['a', 'b', 'c'], ...changes }: HostPlan = {}): HostView => {
  const { loadMs = LOAD_MS, embedding = false, room = { victims: [], chance: 0 }, ...rest } = changes;
  return {
    id,
    usable: true,
    busy: 0,
    loadsPending: 0,
    residents: [],
    ...rest,
    installed: (model) => (models.includes(model) ? { loadMs, embedding } : undefined),
    room: (model) => (typeof room === 'function' ? room(model) : room),
  };
};

export const asked = (model: string, changes: Partial<ModelView> = {}): ModelView => ({
  model,
  arrivalsPerMinute: 0,
  backlogMs: 0,
  shape: DEFAULT_SHAPE,
  ...changes,
});

export const pool = (
  hosts: readonly HostView[],
  models: readonly ModelView[] = [],
  pins: Readonly<Record<string, readonly string[]>> = {},
): PlacementView => ({ hosts: () => hosts, models, pins: new Map(Object.entries(pins)) });
