import { parseArgs } from 'node:util';
import { CONTENDERS, type Contender } from './contenders.ts';
import { PRESET_RATE } from './scene.ts';

export interface Options {
  /** Requests per second in life's own time. */
  readonly rate: number;
  readonly sessions: number;
  readonly seeds: number;
  /** How many times faster than life everything runs. */
  readonly scale: number;
  /** Every server has every model in memory before the first request. */
  readonly warm: boolean;
  readonly contenders: readonly Contender[];
  readonly json: string | undefined;
}

/** Some 180 requests, which at this scale take about two minutes for each contender. */
const SESSIONS = 60;
const SEEDS = 1;
const SCALE = 3;
/** More is the simulator's business: it needs no sockets and no hours. */
const MOST_SESSIONS = 2000;
const MOST_SCALE = 50;

export const USAGE = `npx tsx bench/storm/run.ts
  --rate R         requests per second, default ${PRESET_RATE}
  --sessions N     conversations, ${MOST_SESSIONS} at the most, default ${SESSIONS}
  --seeds N        workloads, default ${SEEDS}
  --scale S        times faster than life, default ${SCALE}; what sockets and processes add counts S times
  --cold           start with nothing in memory; else every server has loaded every model before the first request
  --policies a,b   ${CONTENDERS.map(({ name }) => name).join(', ')}
  --json FILE      every request and every figure`;

const number = (name: string, text: string | undefined, usual: number, most = Infinity): number => {
  if (text === undefined) return usual;
  const value = Number(text);
  if (!(value > 0 && value <= most)) {
    throw new Error(`--${name} ${text}: give a number above 0${most === Infinity ? '' : ` and up to ${most}`}`);
  }
  return value;
};

const whole = (name: string, text: string | undefined, usual: number, most = Infinity): number => {
  const value = number(name, text, usual, most);
  if (!Number.isInteger(value)) throw new Error(`--${name} ${text}: give a whole number`);
  return value;
};

const contendersOf = (text: string | undefined): readonly Contender[] => {
  if (text === undefined) return CONTENDERS;
  return text.split(',').map((name) => {
    const found = CONTENDERS.find((contender) => contender.name === name);
    if (found !== undefined) return found;
    throw new Error(`--policies: nothing is called ${name}: take some of ${CONTENDERS.map((c) => c.name).join(', ')}`);
  });
};

/** Reads the command line. @throws with what to give instead where a value makes no sense */
export const readOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string' },
      sessions: { type: 'string' },
      seeds: { type: 'string' },
      scale: { type: 'string' },
      cold: { type: 'boolean', default: false },
      policies: { type: 'string' },
      json: { type: 'string' },
    },
  });
  return {
    rate: number('rate', values.rate, PRESET_RATE),
    sessions: whole('sessions', values.sessions, SESSIONS, MOST_SESSIONS),
    seeds: whole('seeds', values.seeds, SEEDS),
    scale: number('scale', values.scale, SCALE, MOST_SCALE),
    warm: !values.cold,
    contenders: contendersOf(values.policies),
    json: values.json,
  };
};
