import { z } from 'zod';
import { fileSchema } from '../../config/schema.ts';
import { productVersion } from '../../version.ts';
import { answers } from './openapi-answers.ts';
import { operations, outside, type Operation } from './openapi-operations.ts';
import type { AdminRoute } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

const REFS = '#/components/schemas/';
const ref = (id: string): Json => ({ $ref: REFS + id });

/** JSON Schema of what a zod schema takes in; `$schema` goes, since the dialect is that of the whole document. */
const schemaOf = (schema: z.ZodType): Json => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return json;
};

const componentSchemas = (): Json => {
  const { schemas } = z.toJSONSchema(answers, { io: 'input', uri: (id) => REFS + id });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _, $id: __, ...json } = schema;
      return [id, json];
    }),
  );
};

const json = (schema: Json): Json => ({ 'application/json': { schema } });
const failure = (description: string): Json => ({ description, content: json(ref('Error')) });

/** What any call may answer; a call that says more about one of them says it in its own place. */
const ALWAYS: Readonly<Record<string, string>> = {
  401: 'A token is set, and none or another one was sent.',
  403: 'No token is set, and the request comes from another site or names another host.',
  500: 'The call failed; the log says why.',
};
const WITH_BODY: Readonly<Record<string, string>> = {
  400: 'The body is not what the call takes.',
  408: 'The body came too slowly.',
  413: 'The body is larger than 1 MiB.',
};

/** `backends/*` as `/admin/v1/backends/{name}`. */
const pathOf = (pattern: string, parameter: string): string => `/admin/v1/${pattern.replace('*', `{${parameter}}`)}`;

const bodyOf = ({ body, takes }: Operation): Json | undefined => {
  if (takes === 'backend') return schemaOf(fileSchema.shape.backends.def.innerType.element);
  return body === undefined ? undefined : schemaOf(body);
};

const describe = (operation: Operation, status: number, parameter: string | undefined): Json => {
  const { summary, answer, stream, text, events, query = [], errors = {}, open = false } = operation;
  const body = bodyOf(operation);
  const failures = { ...(open ? {} : ALWAYS), ...(body === undefined ? {} : WITH_BODY), ...errors };
  const content =
    answer === undefined ? { [stream ?? text ?? 'text/plain']: { schema: { type: 'string' } } } : json(ref(answer));
  const parameters = [
    ...(parameter === undefined ? [] : [{ name: parameter, in: 'path', required: true, schema: { type: 'string' } }]),
    ...query.map((each) => ({ in: 'query', required: false, ...each })),
  ];
  return {
    summary,
    operationId: operation.id,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    ...(open ? { security: [] } : {}),
    ...(events === undefined
      ? {}
      : { 'x-events': Object.fromEntries(Object.entries(events).map(([name, id]) => [name, ref(id)])) }),
    responses: {
      [status]: { description: 'It went well.', content },
      ...Object.fromEntries(Object.entries<string>(failures).map(([code, why]) => [code, failure(why)])),
    },
  };
};

/**
 * The OpenAPI 3.1 document of the admin listener. Bodies are described by the very schemas that check them.
 * @param routes every call under `/admin/v1/`; one that has no description is left out
 */
export const openApiDocument = (routes: readonly AdminRoute[]): Json => {
  const paths: Record<string, Record<string, Json>> = {};
  const put = (path: string, method: string, operation: Json): void => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  };
  for (const [path, operation] of Object.entries(outside)) put(path, 'GET', describe(operation, 200, undefined));
  for (const { method, path, status = 200 } of routes) {
    const operation = operations[`${method} ${path}`];
    if (operation === undefined) continue;
    const parameter = path.includes('*') ? (path.startsWith('decisions') ? 'id' : 'name') : undefined;
    put(pathOf(path, parameter ?? ''), method, describe(operation, status, parameter));
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ollama Task Router: admin API',
      version: productVersion(),
      description: 'What the operator of the proxy can see and change. Durations in ms unless a name says otherwise.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, {}],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'The value of admin.token; on loopback there may be none.',
        },
      },
      schemas: componentSchemas(),
    },
  };
};
