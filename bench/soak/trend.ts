/** A straight line through samples, per hour. */
export interface Trend {
  readonly name: string;
  readonly unit: string;
  /** Change per hour, and half the width of its 95 % confidence interval; NaN of fewer than four samples. */
  readonly slope: number;
  readonly margin: number;
  /** Mean of the samples that count, and how many those are. */
  readonly mean: number;
  readonly samples: number;
}

export interface Point {
  /** Hours since the start. */
  readonly hours: number;
  readonly value: number;
}

/** 97.5 % quantile of Student's t; past 30 degrees of freedom it is within 4 % of the normal one. */
const T_975 = [
  12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const T_LARGE = 2;

const tOf = (degrees: number): number => T_975[Math.max(1, Math.floor(degrees)) - 1] ?? T_LARGE;

const LEAST_SAMPLES = 4;

/**
 * Least squares. Samples that follow each other closely are alike, so fewer count as independent: n · (1 − ρ) / (1 + ρ)
 * with the residuals' lag-one correlation ρ (Santer et al., "Statistical significance of trends", J. Geophys. Res. 105,
 * 2000).
 */
export const trendOf = (name: string, unit: string, points: readonly Point[]): Trend => {
  const n = points.length;
  const mean = points.reduce((sum, { value }) => sum + value, 0) / n;
  if (n < LEAST_SAMPLES) return { name, unit, slope: NaN, margin: NaN, mean, samples: n };
  const middle = points.reduce((sum, { hours }) => sum + hours, 0) / n;
  let xx = 0;
  let xy = 0;
  for (const { hours, value } of points) {
    xx += (hours - middle) ** 2;
    xy += (hours - middle) * (value - mean);
  }
  const slope = xy / xx;
  const residuals = points.map(({ hours, value }) => value - mean - slope * (hours - middle));
  let squares = 0;
  let neighbours = 0;
  for (const [i, each] of residuals.entries()) {
    squares += each ** 2;
    neighbours += i === 0 ? 0 : each * (residuals[i - 1] ?? 0);
  }
  const correlation = squares === 0 ? 0 : Math.min(0.95, Math.max(0, neighbours / squares));
  const independent = Math.max(LEAST_SAMPLES, (n * (1 - correlation)) / (1 + correlation));
  const error = Math.sqrt(squares / (independent - 2) / xx);
  return { name, unit, slope, margin: tOf(independent - 2) * error, mean, samples: n };
};

export type Verdict = 'flat' | 'growing' | 'too short to tell';

/**
 * `growing`: the whole interval is above what may be; so much growth is no noise. `flat`: the whole interval is below it.
 * Anything else takes a longer run to tell.
 * @param most change per hour that may be
 */
export const verdictOf = ({ slope, margin }: Trend, most: number): Verdict => {
  if (slope - margin > most) return 'growing';
  return slope + margin <= most ? 'flat' : 'too short to tell';
};
