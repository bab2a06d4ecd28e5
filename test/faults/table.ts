import { FAULTS, KINDS, PHASES_OF, type Fault, type Kind, type Phase } from './faults.ts';
import type { Company, Observed } from './run.ts';

const INTRO = `# What a client sees of a failing server

Made from a run of the whole proxy against servers that fail in these ways (\`npx tsx test/faults/write-table.ts\`); \`test/integration/fault-matrix.test.ts\` holds it. [Failures](failures.md) says why.

Each line is one fault at one point of the answer: while the connection is made, when the request was read (head), when the head of the answer is out (first piece), when a part of its body is (mid-answer), and when all of it is but the end of its framing (last chunk). The columns: an answer of a model as a **stream** and **whole** (\`/api/generate\`, \`/api/chat\`, \`/v1/chat/completions\`, \`/v1/messages\`, all alike), what runs no model and **names one** (\`/api/show\`, unknown paths), what names **none**, and the **upload** of a file. "Whole, from the other" is the good answer of the server beside it.

Behind the answer: how often the bad server read the request where that was more than once, the reason that is recorded of its failure, and the breaker that stepped.
`;

const cellOf = (observed: readonly Observed[]): string => {
  const texts = observed.map(({ client, hits, reasons, breaker, company }) => {
    const more = [
      ...(hits === undefined || hits === 1 ? [] : [`asked ${hits} times`]),
      ...(reasons === '' ? [] : [reasons]),
      ...(company === 'alone' || breaker === 'none' ? [] : [`${breaker}'s breaker`]),
    ];
    return more.length === 0 ? client : `${client} (${more.join(', ')})`;
  });
  const distinct = [...new Set(texts)];
  return distinct.length === 0 ? '' : distinct.join('; or ');
};

const TITLES: Readonly<Record<Company, string>> = {
  'beside a good server': 'Beside a good server',
  alone: 'Alone',
};

/** The page about faults, from what was observed. Lines of a table are not aligned. */
export const tableOf = (observed: readonly Observed[]): string => {
  const cells = new Map<string, Observed[]>();
  const key = (company: Company, fault: Fault, phase: Phase, kind: Kind): string =>
    [company, fault, phase, kind].join('/');
  for (const each of observed) {
    const at = key(each.company, each.fault, each.phase, each.kind);
    cells.set(at, [...(cells.get(at) ?? []), each]);
  }
  const section = (company: Company): string => {
    const rows = FAULTS.flatMap((fault) =>
      PHASES_OF[fault].map((phase) => [
        fault,
        phase,
        ...KINDS.map((kind) => cellOf(cells.get(key(company, fault, phase, kind)) ?? [])),
      ]),
    );
    const lines = [['fault', 'when', ...KINDS], ['', '', ...KINDS].map(() => '---'), ...rows];
    return `## ${TITLES[company]}\n\n${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`;
  };
  return [INTRO, section('beside a good server'), section('alone')].join('\n');
};

/** The same without what a formatter adds to line up columns. */
export const unaligned = (page: string): string => page.replaceAll(/ +\|/g, ' |').replaceAll(/-{3,}/g, '---');
