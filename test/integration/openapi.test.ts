import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminRoutes } from '../../src/http/admin/routes.ts';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { readEvents } from '../support/event-stream.ts';
import { call } from '../support/http-call.ts';
import { configText, startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';
const KEY = 'otr_a-key-for-this-test';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } };
  readonly 'x-events'?: Readonly<Record<string, { readonly $ref: string }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let folder: string;
let sim: SimServer;
let proxy: TestProxy;
let document: Document;
beforeAll(async () => {
  sim = await startSim({ timeScale: 0.001, models: [MODEL], outputTokens: 5 });
  folder = await mkdtemp(join(tmpdir(), 'router-openapi-'));
  const file = join(folder, 'router.yaml');
  const hash = createHash('sha256').update(KEY).digest('hex');
  const key = `{ name: ci, hash: "sha256:${hash}", concurrent: 4 }`;
  const backends = [{ name: 'box-1', url: sim.url }];
  await writeFile(file, configText({ backends, config: `auth: { keys: [${key}] }\naliases: { small: "${MODEL}" }` }));
  proxy = await startProxy({ file });
  document = (await proxy.admin('GET', 'openapi.json')).body as Document;
});
afterAll(async () => {
  await proxy.stop();
  await sim.close();
  await rm(folder, { recursive: true });
});

/** A schema in which an object has only the members that are named: what is not described must not be answered. */
const strict = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  return 'properties' in copy && !('additionalProperties' in copy) ? { ...copy, additionalProperties: false } : copy;
};

/** What checks a value by a schema of the document. */
const check = (schema: object): ValidateFunction => {
  const found = checks.get(schema);
  if (found !== undefined) return found;
  if (ajv.getSchema('document') === undefined) {
    ajv.addSchema({ $id: 'document', components: strict(document.components) });
  }
  const own = JSON.stringify(strict(schema)).replaceAll('"#/', '"document#/');
  const compiled = ajv.compile(JSON.parse(own) as object);
  checks.set(schema, compiled);
  return compiled;
};
const ajv = new Ajv2020({ strict: false, allErrors: true });
const checks = new Map<object, ValidateFunction>();

const operationOf = (method: string, path: string): Operation => {
  const found = document.paths[path]?.[method.toLowerCase()];
  if (found === undefined) expect.fail(`${method} ${path} is not described`);
  return found;
};

/** Fails with what is wrong unless the answer is one that the document describes. */
const expectDescribed = (operation: Operation, status: number, body: unknown): void => {
  const schema = operation.responses[status]?.content['application/json']?.schema;
  if (schema === undefined) expect.fail(`${operation.operationId} does not describe a ${status} in JSON`);
  const valid = check(schema);
  valid(body);
  expect({ of: operation.operationId, status, errors: valid.errors ?? [] }).toMatchObject({ errors: [] });
};

const ADD = { name: 'box-2', url: 'http://127.0.0.1:9' };

/** One call of each route that goes well: path below /admin/v1, body. In an order in which all of them do. */
const WELL: readonly (readonly [route: string, path: string, body?: unknown])[] = [
  ['POST explain', 'explain', { model: MODEL, prompt: 'Write a test' }],
  ['GET decisions', 'decisions?limit=5'],
  ['GET decisions/*', 'decisions/seen'],
  ['GET decisions/*', 'decisions/refused'],
  ['GET backends', 'backends'],
  ['POST backends', 'backends', ADD],
  ['GET backends/*', 'backends/box-2'],
  ['PATCH backends/*', 'backends/box-2', { weight: 2, drain: true }],
  ['POST backends/*/recover', 'backends/box-2/recover'],
  ['DELETE backends/*', 'backends/box-2'],
  ['GET health', 'health'],
  ['GET strategy', 'strategy'],
  ['PUT strategy', 'strategy', { strategy: 'least-loaded' }],
  ['GET models', 'models'],
  ['GET metrics', 'metrics'],
  ['POST metrics/reset', 'metrics/reset'],
  ['POST categorize', 'categorize', { prompt: 'Write a test' }],
  ['GET queue', 'queue'],
  ['GET placement', 'placement'],
  ['GET estimates', 'estimates'],
  ['GET keys', 'keys'],
  ['GET config', 'config'],
  ['POST config/reload', 'config/reload'],
  ['GET series', 'series'],
  ['GET openapi.json', 'openapi.json'],
];

/** Refusals, at least one for each status of its own that a route describes. */
const REFUSED: readonly [route: string, path: string, status: number, body?: unknown][] = [
  ['GET backends/*', 'backends/none', 404],
  ['PATCH backends/*', 'backends/none', 404, { weight: 2 }],
  ['PATCH backends/*', 'backends/box-1', 400, { wieght: 2 }],
  ['POST backends', 'backends', 409, { name: 'box-1', url: 'http://127.0.0.1:9' }],
  ['POST backends', 'backends', 400, { name: 'x' }],
  ['DELETE backends/*', 'backends/none', 404],
  ['DELETE backends/*', 'backends/box-1', 409],
  ['DELETE backends/*', 'backends/box-1?drain=perhaps', 400],
  ['POST backends/*/recover', 'backends/none/recover', 404],
  ['PUT strategy', 'strategy', 400, { strategy: 'best' }],
  ['POST categorize', 'categorize', 400, {}],
  ['GET decisions', 'decisions?limit=0', 400],
  ['GET decisions/*', 'decisions/none', 404],
  ['POST explain', 'explain', 400, 'no json'],
  ['POST explain', 'explain', 404, { model: 'none', prompt: 'x' }],
  ['GET queue', 'queue?limit=x', 400],
  ['GET estimates', 'estimates?backend=none', 404],
  ['PUT strategy', 'strategy', 413, 'x'.repeat(1024 * 1024 + 1)],
];

const described = (route: string): Operation => {
  const [method = '', pattern = ''] = route.split(' ');
  return operationOf(method, `/admin/v1/${pattern.replace('*', pattern.startsWith('decisions') ? '{id}' : '{name}')}`);
};

describe('the OpenAPI document', () => {
  it('is a valid one', async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as object as Record<string, unknown>,
    );
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  it('has every call, and each operation has its own name', () => {
    const ids = adminRoutes.map(({ method, path }) => described(`${method} ${path}`).operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const under = Object.entries(document.paths).filter(([path]) => path.startsWith('/admin/v1/'));
    expect(under.flatMap(([, methods]) => Object.keys(methods))).toHaveLength(adminRoutes.length);
  });

  it('is tried out below call by call', () => {
    const tried = new Set([...WELL.map(([route]) => route), 'GET events']);
    expect(adminRoutes.map(({ method, path }) => `${method} ${path}`).filter((route) => !tried.has(route))).toEqual([]);
  });

  it('describes what each call answers when it goes well', async () => {
    const messages = [{ role: 'user', content: 'hello' }];
    const ask = { model: MODEL, messages };
    const headers = { authorization: `Bearer ${KEY}`, 'x-request-id': 'seen' };
    expect((await proxy.call('/api/chat', { body: ask, headers })).status).toBe(200);
    expect((await proxy.call('/api/chat', { body: ask, headers: { 'x-request-id': 'refused' } })).status).toBe(401);
    for (const [route, path, body] of WELL) {
      const { status, body: answered } = await proxy.admin(route.split(' ', 1)[0] ?? '', path, body);
      expect([route, status]).toEqual([route, route === 'POST backends' ? 201 : 200]);
      expectDescribed(described(route), status, answered);
    }
  });

  it.each(REFUSED)('describes how %s refuses %s with %i', async (route, path, status, body) => {
    const answer = await proxy.admin(route.split(' ', 1)[0] ?? '', path, body);
    expect(answer.status).toBe(status);
    expectDescribed(described(route), status, answer.body);
  });

  it('describes bodies by what checks them: what it refuses, the call refuses', async () => {
    const bodies: readonly (readonly [string, string, unknown])[] = [
      ['PATCH backends/*', 'backends/box-1', {}],
      ['PATCH backends/*', 'backends/box-1', { weight: 0 }],
      ['PATCH backends/*', 'backends/box-1', { weight: 1_001 }],
      ['PATCH backends/*', 'backends/box-1', { enabled: 'yes' }],
      ['PUT strategy', 'strategy', { strategy: 'best' }],
      ['PUT strategy', 'strategy', { strategy: 'random', more: 1 }],
      ['POST categorize', 'categorize', { prompt: 1 }],
      ['POST backends', 'backends', { name: 'b', url: 'http://h:1', colour: 'red' }],
    ];
    for (const [route, path, body] of bodies) {
      const schema = described(route).requestBody?.content['application/json'].schema;
      expect([route, schema !== undefined && check(schema)(body)]).toEqual([route, false]);
      expect((await proxy.admin(route.split(' ', 1)[0] ?? '', path, body)).status).toBe(400);
    }
  });

  it('describes the health calls and where no JSON comes back', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const { status, body } = await call(proxy.adminUrl + path);
      expectDescribed(operationOf('GET', path), status, JSON.parse(body));
    }
    for (const path of ['/', '/metrics']) {
      const { headers } = await call(proxy.adminUrl + path);
      const type = String(headers['content-type']).split(';', 1)[0] ?? '';
      expect(Object.keys(operationOf('GET', path).responses['200']?.content ?? {})).toEqual([type]);
    }
  });

  it('describes every event that is sent', async () => {
    const events = readEvents(`${proxy.adminUrl}/admin/v1/events`);
    const first = await events.next('snapshot');
    await proxy.admin('PUT', 'strategy', { strategy: 'random' });
    await proxy.admin('PATCH', 'backends/box-1', { weight: 7 });
    await proxy.admin('POST', 'config/reload');
    const seen = [first, await events.next('reload'), await events.next('servers'), await events.next('status')];
    events.close();
    const of = operationOf('GET', '/admin/v1/events')['x-events'] ?? {};
    for (const { event, data } of seen) {
      const valid = check(of[event] ?? expect.fail(`${event} is not described`));
      valid(data);
      expect({ event, errors: valid.errors ?? [] }).toEqual({ event, errors: [] });
    }
  });
});
