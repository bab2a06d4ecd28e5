import { describe, expect, it } from 'vitest';
import { FastCounter, FastHistogram } from '../../../src/results/fast-metrics.ts';
import { openMetricsText, wantsOpenMetrics, type MetricFamily } from '../../../src/results/openmetrics.ts';

const register = (): void => {};
const PROMETHEUS =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

describe('the choice of a format', () => {
  it('is OpenMetrics for a scraper that names it and does not prefer plain text', () => {
    for (const accept of [PROMETHEUS, 'application/openmetrics-text', 'Application/OpenMetrics-Text; version=1.0.0']) {
      expect(wantsOpenMetrics(accept), accept).toBe(true);
    }
  });

  it('is plain text for everybody else', () => {
    for (const accept of [
      undefined,
      '',
      '*/*',
      'text/plain;version=0.0.4',
      'text/html,*/*;q=0.8',
      'application/openmetrics-text;q=0',
      'application/openmetrics-text;q=nonsense',
      'application/openmetrics-text;q=0.3, text/plain',
      'application/openmetrics-texts',
    ]) {
      expect(wantsOpenMetrics(accept), accept).toBe(false);
    }
  });
});

const histogram = (buckets: readonly number[]): FastHistogram =>
  new FastHistogram({ name: 'wait_seconds', help: 'Waits.', labels: ['lane'], buckets, register });
const requestOf = (id: string, totalMs = 1_500) => ({ id, time: '2026-01-01T00:00:00.000Z', totalMs });
const ENDED = Date.parse('2026-01-01T00:00:01.500Z') / 1000;

describe('OpenMetrics', () => {
  it('names a counter without its ending and its samples with it, and ends with EOF', () => {
    const counter = new FastCounter({ name: 'things_total', help: 'Counts "things".', labels: ['kind'], register });
    counter.add(2, 'a\\b"c\nd');
    const twice = [openMetricsText([counter.get()]), openMetricsText([counter.get()])];
    const expected = [
      '# TYPE things counter',
      '# HELP things Counts \\"things\\".',
      'things_total{kind="a\\\\b\\"c\\nd"} 2',
      '# EOF',
      '',
    ];
    expect(twice).toEqual([expected.join('\n'), expected.join('\n')]);
    expect(counter.name).toBe('things_total');
  });

  it('gives each bucket the last request that fell into it, with the moment at which it ended', () => {
    const waits = histogram([0.5, 1]);
    waits.observeOf(requestOf('first'), 0.25, 'x');
    waits.observeOf(requestOf('second'), 0.375, 'x');
    waits.observeOf(requestOf('slow'), 7, 'x');
    const lines = openMetricsText([waits.get()]).split('\n');
    expect(lines).toContain(`wait_seconds_bucket{le="0.5",lane="x"} 2 # {request_id="second"} 0.375 ${ENDED}`);
    expect(lines).toContain('wait_seconds_bucket{le="1.0",lane="x"} 2');
    expect(lines).toContain(`wait_seconds_bucket{le="+Inf",lane="x"} 3 # {request_id="slow"} 7 ${ENDED}`);
    expect(lines).toContain('wait_seconds_sum{lane="x"} 7.625');
    expect(lines).toContain('wait_seconds_count{lane="x"} 3');
  });

  it('leaves out a request id that is longer than an exemplar may be', () => {
    const waits = histogram([1]);
    waits.observeOf(requestOf('x'.repeat(118)), 0.5, 'fits');
    waits.observeOf(requestOf('x'.repeat(119)), 0.5, 'too long');
    const lines = openMetricsText([waits.get()])
      .split('\n')
      .filter((line) => line.includes(' # '));
    expect(lines.map((line) => /lane="([^"]*)"/.exec(line)?.[1])).toEqual(['fits']);
  });

  it('has no exemplar for a value that is not counted', () => {
    const waits = histogram([1]);
    waits.observeOf(requestOf('r'), NaN, 'x');
    expect(openMetricsText([waits.get()])).not.toContain('request_id');
  });

  it('writes bounds in one form only, whoever made the histogram, and infinite values by their names', () => {
    const family: MetricFamily = {
      name: 'odd',
      help: 'Odd.',
      type: 'gauge',
      values: [
        { labels: { le: 1, size: 5 }, value: Infinity },
        { labels: { le: '10' }, value: -Infinity, exemplar: null },
        { labels: { le: 0.25 }, value: NaN },
        { value: 1e21 },
      ],
    };
    expect(openMetricsText([family]).split('\n').slice(2, -2)).toEqual([
      'odd{le="1.0",size="5"} +Inf',
      'odd{le="10.0"} -Inf',
      'odd{le="0.25"} NaN',
      'odd 1e+21',
    ]);
  });
});
