import type { Checked, Issue } from '../core/types.ts';
import { buildBackend } from './build.ts';
import { backendText } from './describe.ts';
import { pathText, type Finding } from './raw.ts';
import { backendRule } from './rules.ts';
import { fileSchema } from './schema.ts';
import { schemaFindings } from './schema-findings.ts';
import { backendTlsRule } from './tls-rules.ts';
import type { BackendConfig } from './types.ts';

/**
 * Reads one backend as an entry of `backends` in the file would be read, with all that is wrong with it at once, the
 * paths of issues beginning at the entry. Variables are not put in: whoever sends it must not read the environment.
 * @param others the backends that it will stand beside
 */
export const readBackendEntry = (value: unknown, others: readonly BackendConfig[]): Checked<BackendConfig> => {
  const index = others.length;
  const entry = fileSchema.shape.backends.unwrap().element.safeParse(value);
  const tree = { backends: [...others.map(backendText), value] };
  const context = { env: {}, strategies: [], categories: [] };
  const findings: readonly Finding[] = [
    ...(entry.error?.issues ?? []).flatMap((issue) =>
      schemaFindings({ ...issue, path: ['backends', index, ...issue.path] }),
    ),
    ...[backendRule, backendTlsRule].flatMap((rule) => rule(tree, context)),
  ];
  const issues = findings
    .filter(({ level, path }) => level === 'error' && path[1] === index)
    .map(({ path, message }): Issue => ({ path: pathText(path.slice(2)), line: 0, column: 0, message }));
  return entry.success && issues.length === 0 ? { ok: true, value: buildBackend(entry.data) } : { ok: false, issues };
};
