import type { PinView } from './pins.ts';
import type { Placement, PlacementCount, PlacementRecord } from '../placement/loop.ts';
import type { PlacementAction, PlacementKind } from '../placement/view.ts';

/** One action of placement, for people. */
export interface PlacementActionReport {
  readonly kind: PlacementKind;
  readonly backend: string;
  readonly model: string;
  readonly reason: string;
  readonly priceMs: number;
  readonly gainMs: number;
  /** What it is expected to push out. */
  readonly victims: readonly string[];
}

export interface PlacementEndReport extends PlacementActionReport {
  readonly result: PlacementRecord['result'];
  /** Why it failed or was not sent; '' when it went well. */
  readonly message: string;
  readonly tookMs: number;
  /** ms since it began. */
  readonly agoMs: number;
}

export interface PlacementReport {
  readonly enabled: boolean;
  readonly pins: readonly PinView[];
  readonly pending: readonly PlacementActionReport[];
  /** Newest first. */
  readonly recent: readonly PlacementEndReport[];
  readonly counts: readonly PlacementCount[];
}

const actionReport = ({ kind, host, model, reason, priceMs, gainMs, victims }: PlacementAction) => ({
  kind,
  backend: host,
  model,
  reason,
  priceMs,
  gainMs,
  victims,
});

/** What placement does and has done. @param placement undefined before the start @param at ms on the Clock */
export const placementReport = (
  placement: Placement | undefined,
  enabled: boolean,
  pins: readonly PinView[],
  at: number,
): PlacementReport => ({
  enabled,
  pins,
  pending: (placement?.pending() ?? []).map(actionReport),
  recent: (placement?.recent() ?? []).map((record) => ({
    ...actionReport(record),
    result: record.result,
    message: record.message,
    tookMs: record.tookMs,
    agoMs: at - record.at,
  })),
  counts: placement?.counts() ?? [],
});
