// Writes config/schema.json: npx tsx test/unit/config/write-schema.ts && npx oxfmt config/schema.json
import { writeFileSync } from 'node:fs';
import { jsonSchema } from '../../../src/config/schema.ts';
import { TASK_CATEGORIES } from '../../../src/core/types.ts';
import { STRATEGY_NAMES } from '../../../src/routing/index.ts';

const schema = jsonSchema({ strategies: STRATEGY_NAMES, categories: TASK_CATEGORIES });
writeFileSync(new URL('../../../config/schema.json', import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
