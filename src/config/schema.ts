import { z } from 'zod';
import { BREAKER_DEFAULTS, PRIORITY_CLASSES } from '../core/types.ts';
import { readBackendName, readBackendUrl, readHeaderValue, readOrigin, readToken } from './backend-values.ts';
import {
  address,
  addressOrOff,
  choice,
  decimal,
  duration,
  durationOrOff,
  flag,
  optionalTextAs,
  size,
  sizeOrAuto,
  text,
  textAs,
  textOrOff,
  whole,
  wholeOrAuto,
  wholeOrEither,
  wholeOrOff,
} from './fields.ts';
import { formatDuration } from './units.ts';

/**
 * The one description of the configuration file: its keys, their defaults (in the file's own notation), what each
 * means, and how its value is read. The types, the checks, the JSON Schema and the tests of the example and of the
 * reference all come from here. What spans several keys is in rules.ts.
 */

const modelList = () => z.array(text());

const backendSchema = z
  .strictObject({
    name: textAs(readBackendName).describe('Unique name; appears in metrics, headers and the admin API.'),
    url: textAs(readBackendUrl).describe(
      'Where the server is, like http://gpu-1:11434; http or https, a path prefix is kept.',
    ),
    weight: decimal({ above: 0 }).prefault(1).describe('Relative capacity; twice the weight gets twice the requests.'),
    slots: wholeOrAuto({ min: 1 })
      .prefault('auto')
      .describe('Requests that the server works on at a time (its OLLAMA_NUM_PARALLEL); auto learns it.'),
    zone: text().prefault('default').describe('Where the server stands.'),
    tags: z
      .array(text())
      .prefault([])
      .describe('What the server is good for, in words of your own; changes.rules choose by them.'),
    headers: z
      .record(z.string(), textAs(readHeaderValue))
      .prefault({})
      .describe('Headers sent to this server only, such as Authorization.'),
    vram: sizeOrAuto().prefault('auto').describe("Memory of the server's GPUs, like 24GiB; auto learns it."),
  })
  .describe('One Ollama server.');

const virtualModelSchema = z
  .strictObject({
    candidates: z.array(text()).min(1, 'must name at least one model').describe('The models that may answer.'),
    prefer: z
      .record(z.string(), modelList())
      .prefault({})
      .describe('Task category to the candidates that suit it, best first.'),
  })
  .describe('A name that clients ask for; the router picks model and server together.');

const listenerSchema = {
  listen: address()
    .prefault('127.0.0.1:11435')
    .describe('Where clients connect: the Ollama API. Port 0 lets the system choose.'),
  admin: z
    .strictObject({
      listen: address()
        .prefault('127.0.0.1:11436')
        .describe('Where metrics, health, the admin API and the dashboard are served.'),
      token: optionalTextAs(readToken)
        .prefault('')
        .describe('Secret that admin requests must show; needed when the admin listener leaves loopback. Empty: none.'),
    })
    .prefault({})
    .describe('The admin listener.'),
  cors: z
    .strictObject({
      origins: z
        .array(textAs(readOrigin))
        .prefault([])
        .describe('Pages that may call from a browser besides local ones, like https://*.example.com.'),
    })
    .prefault({})
    .describe('Which web pages may use the proxy; local ones always may, as with Ollama.'),
  metrics: z
    .strictObject({
      listen: addressOrOff()
        .prefault('off')
        .describe('A listener for /metrics alone, to be scraped from elsewhere without admin powers.'),
    })
    .prefault({})
    .describe('A separate metrics listener.'),
};

const routingSchema = {
  routing: z
    .strictObject({
      strategy: text().prefault('hybrid').describe('How a server is chosen.'),
      num_ctx: choice(['keep', 'ladder', 'pin'])
        .prefault('keep')
        .describe('How requests with differing num_ctx share a loaded model.'),
      zone: text().prefault('default').describe('Where this proxy stands.'),
    })
    .prefault({})
    .describe('How servers are chosen.'),
  virtual_models: z
    .record(z.string(), virtualModelSchema)
    .prefault({})
    .describe('Names that stand for several models.'),
  aliases: z
    .record(z.string(), text())
    .prefault({})
    .describe('Name that clients ask for, to the model or virtual model that is meant.'),
  placement: z
    .strictObject({
      enabled: flag()
        .prefault(true)
        .describe('Load copies of busy models in the background, and keep what is in use in memory.'),
      pin: z.record(z.string(), modelList()).prefault({}).describe('Backend to the models that stay loaded there.'),
    })
    .prefault({})
    .describe('Which models are kept where.'),
};

const copies = () => wholeOrEither('all', 'any', { min: 1 });

const changesSchema = {
  changes: z
    .strictObject({
      copies: copies()
        .prefault('all')
        .describe('Servers that get a model which is pulled or created from another: all, any (one), or so many.'),
      rules: z
        .array(
          z
            .strictObject({
              models: modelList()
                .min(1, 'must name at least one model')
                .describe('Model names that the rule is for; * stands for any text.'),
              copies: copies().optional().describe('Servers that get such a model; left out, changes.copies counts.'),
              tags: z.array(text()).prefault([]).describe('Only servers that have all of these tags.'),
            })
            .describe('Where models of certain names go; the first rule that fits counts.'),
        )
        .prefault([])
        .describe('Exceptions by model name; the first that fits counts.'),
    })
    .prefault({})
    .describe('Where pulled and created models go.'),
};

const embeddingsSchema = {
  embeddings: z
    .strictObject({
      split: wholeOrOff({ min: 2 })
        .prefault('off')
        .describe('Smallest batch of texts to embed that is split over the servers that hold the same model.'),
    })
    .prefault({})
    .describe('How batches of texts are embedded.'),
};

const trafficSchema = {
  circuit_breaker: z
    .strictObject({
      failure_threshold: whole({ min: 1 })
        .prefault(BREAKER_DEFAULTS.failureThreshold)
        .describe('Failures in a row that open the breaker.'),
      success_threshold: whole({ min: 1 })
        .prefault(BREAKER_DEFAULTS.successThreshold)
        .describe('Successful trials that close it again.'),
      timeout: duration()
        .prefault(formatDuration(BREAKER_DEFAULTS.timeout))
        .describe('How long it stays open before trials are let through.'),
      half_open_requests: whole({ min: 1 }).prefault(BREAKER_DEFAULTS.halfOpenRequests).describe('Trials at a time.'),
      adaptive: flag()
        .prefault(true)
        .describe(
          'Whether open times grow, recovery is tried out before clients are sent, and no model loses more than half of its servers.',
        ),
    })
    .prefault({})
    .describe('When a failing server, or a failing model on it, is left alone.'),
  queue: z
    .strictObject({
      max_waiting: wholeOrAuto({ min: 0 })
        .prefault('auto')
        .describe('Requests that may wait; auto follows the size of the pool; 0 refuses at once.'),
      max_wait: duration(0).prefault('5m').describe('How long a request may wait for a slot.'),
      max_bytes: size().prefault('256MiB').describe('Memory that waiting requests may hold together.'),
      order: choice(['fifo', 'sjf'])
        .prefault('fifo')
        .describe("How one client's requests stand behind each other: by arrival, or the shortest first."),
      shed: flag().prefault(true).describe('Turn lower classes away early once waits grow past target_wait.'),
      target_wait: duration().prefault('60s').describe('The median wait that shedding aims at.'),
      promote_after: duration().prefault('60s').describe('Wait after which a request moves up a class.'),
      class_weights: z
        .strictObject({
          interactive: decimal({ above: 0 }).prefault(8).describe('Share of interactive requests.'),
          normal: decimal({ above: 0 }).prefault(3).describe('Share of normal requests.'),
          batch: decimal({ above: 0 }).prefault(1).describe('Share of batch requests.'),
        })
        .prefault({})
        .describe('Shares of the free slots while several classes wait.'),
    })
    .prefault({})
    .describe('Where requests wait when every slot is taken.'),
  retry: z
    .strictObject({
      max_attempts: whole({ min: 1 }).prefault(3).describe('Attempts per request, the first one included.'),
      budget: decimal({ min: 0, max: 1 })
        .prefault(0.2)
        .describe('Retries as a share of recent requests, so that a failing pool is not flooded.'),
      stall_guard: flag()
        .prefault(true)
        .describe('Give up on an answer that is silent for far longer than this server ever needs.'),
    })
    .prefault({})
    .describe('What happens when an attempt fails before its first byte.'),
  streaming: z
    .strictObject({
      keepalive: durationOrOff()
        .prefault('off')
        .describe('Harmless filler sent at this interval while a request waits for a slot or a cold load.'),
    })
    .prefault({})
    .describe('How answers are streamed.'),
  health: z
    .strictObject({
      interval: duration().prefault('5s').describe('Time between two probes of a server.'),
      timeout: duration().prefault('2s').describe('How long a probe may take.'),
      unhealthy_after: whole({ min: 1 }).prefault(3).describe('Failed probes in a row that take a server out.'),
      healthy_after: whole({ min: 1 }).prefault(1).describe('Good probes in a row that bring it back.'),
    })
    .prefault({})
    .describe('How servers are probed.'),
  limits: z
    .strictObject({
      body: size().prefault('256MiB').describe('Largest request body.'),
      header: size(1024).prefault('32KiB').describe('Largest request head.'),
      connections: whole({ min: 1 }).prefault(10_000).describe('Client connections at a time.'),
      head_timeout: duration().prefault('10s').describe('How long a client may take to send the head of a request.'),
      body_idle_timeout: duration().prefault('30s').describe('Longest pause while a request body arrives.'),
      write_idle_timeout: duration()
        .prefault('60s')
        .describe('Longest pause of a client that reads nothing of an answer while our buffer for it is full.'),
      streams_per_client: wholeOrOff({ min: 1 })
        .prefault('off')
        .describe('Requests for a model that one client address may have open at a time; off sets no bound.'),
      stream_idle_timeout: duration()
        .prefault('10m')
        .describe('Longest pause of a server while it answers; long enough for a cold load and a long prompt.'),
      drain_timeout: duration(0).prefault('5m').describe('How long running answers may finish after SIGTERM.'),
    })
    .prefault({})
    .describe('Bounds on what clients and servers may take.'),
};

const processSchema = {
  trace: z
    .strictObject({
      path: textOrOff()
        .prefault('off')
        .describe('File in which requests are recorded without a word of their text; off records nothing.'),
      max_bytes: size().prefault('256MiB').describe('Largest size of that file; what comes after is not recorded.'),
    })
    .prefault({})
    .describe('A recording of the traffic, for replays.'),
  workers: whole({ min: 1 }).prefault(1).describe('Worker processes.'),
  auth: z
    .strictObject({
      keys: z
        .array(
          z
            .strictObject({
              name: text().describe('Name of the key, for logs and metrics.'),
              hash: text().describe('The hash of the key, sha256:…'),
              tenant: text().optional().describe('Whose key it is.'),
              class: choice(PRIORITY_CLASSES).optional().describe('Priority class of its requests.'),
              models: modelList().optional().describe('Models that it may use; * matches anything.'),
              requests_per_minute: whole({ min: 1 }).optional().describe('Most requests in a minute.'),
              concurrent: whole({ min: 1 }).optional().describe('Most requests at a time.'),
              tokens_per_day: whole({ min: 1 }).optional().describe('Most tokens in a day.'),
            })
            .describe('One API key.'),
        )
        .prefault([])
        .describe('API keys. Not offered by this version.'),
    })
    .prefault({})
    .describe('Who may use the proxy.'),
  state: z
    .strictObject({
      kind: choice(['memory', 'file', 'redis'])
        .prefault('memory')
        .describe('Where what was learned is kept: file outlives a restart, memory does not; redis is not offered.'),
      path: text().optional().describe('The file of kind file; its folder is made where it does not exist.'),
      url: text().optional().describe('The server of kind redis, redis://…'),
    })
    .prefault({})
    .describe('What outlives a restart.'),
  tls: z
    .strictObject({
      cert: text().describe('Certificate file.'),
      key: text().describe('Private key file.'),
    })
    .optional()
    .describe('HTTPS on the proxy listener. Not offered by this version.'),
  logging: z
    .strictObject({
      level: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
        .prefault('info')
        .describe('The least severe messages that are written.'),
      format: choice(['auto', 'json', 'pretty'])
        .prefault('auto')
        .describe('json, pretty, or auto: pretty on a terminal and json elsewhere.'),
    })
    .prefault({})
    .describe('Logs, on stderr.'),
};

export const fileSchema = z.strictObject({
  listen: listenerSchema.listen,
  admin: listenerSchema.admin,
  cors: listenerSchema.cors,
  backends: z.array(backendSchema).prefault([]).describe('The Ollama servers.'),
  ...routingSchema,
  ...changesSchema,
  ...embeddingsSchema,
  ...trafficSchema,
  ...processSchema,
  metrics: listenerSchema.metrics,
});

/** A file as it was read: its keys, with typed values and defaults. */
export type FileValue = z.output<typeof fileSchema>;

/**
 * The configuration file as a JSON Schema (draft 2020-12) for editors. Names that depend on the product's other parts
 * are handed in, so that editors can offer them.
 */
export const jsonSchema = (names: {
  readonly strategies: readonly string[];
  readonly categories: readonly string[];
}) => {
  const schema = z.toJSONSchema(fileSchema, {
    io: 'input',
    override: ({ jsonSchema: node, path }) => {
      const at = path.join('.');
      if (at === 'properties.routing.properties.strategy') {
        delete node.type;
        delete node.minLength;
        // A name that is put in from the environment cannot be checked by an editor.
        node.anyOf = [{ enum: [...names.strategies] }, { type: 'string', pattern: String.raw`\$\{` }];
      }
      if (at === 'properties.virtual_models.additionalProperties.properties.prefer') {
        node.propertyNames = { enum: [...names.categories] };
      }
    },
  });
  return { ...schema, title: 'Ollama Task Router configuration' };
};

/**
 * The keys known at a place of the file, for "did you mean": the path's list indexes and free names (of an alias, say)
 * count as any. Empty where keys are free or the path leads nowhere.
 */
export const keysAt = (path: readonly PropertyKey[]): readonly string[] => {
  let node: z.core.$ZodType | undefined = fileSchema;
  for (const step of [...path, undefined]) {
    while (node instanceof z.ZodPrefault || node instanceof z.ZodOptional) node = node.unwrap();
    if (step === undefined) break;
    if (node instanceof z.ZodObject) node = (node.shape as z.core.$ZodShape)[String(step)];
    else if (node instanceof z.ZodRecord) node = node.valueType;
    else if (node instanceof z.ZodArray) node = node.element;
    else node = undefined;
  }
  return node instanceof z.ZodObject ? Object.keys(node.shape) : [];
};
