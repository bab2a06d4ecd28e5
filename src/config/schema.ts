import { z } from 'zod';
import { KEY_ROUTES } from '../core/key-rule.ts';
import { BREAKER_DEFAULTS, PRIORITY_CLASSES } from '../core/types.ts';
import {
  readBackendName,
  readBackendUrl,
  readCorsHeader,
  readHeaderValue,
  readOrigin,
  readToken,
} from './backend-values.ts';
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
import { readKeyHash, readKeyName, readNotAfter, readTenant } from './key-values.ts';
import { formatDuration, good } from './units.ts';

/**
 * The one description of the configuration file: its keys, their defaults (in the file's own notation), what each
 * means, and how its value is read. The types, the checks, the JSON Schema and the tests of the example and of the
 * reference all come from here. What spans several keys is in rules.ts.
 */

/** Below this a second request costs more than it saves: so long a healthy server may take for a first byte at any time. */
const LEAST_HEDGE_MS = 500;

const modelList = () => z.array(text());

/** What can be counted exactly (src/auth/minute-log.ts); more than one process serves. */
const MOST_PER_MINUTE = 100_000;

const pem = () => textAs(good);

const listenerTls = (what: string) =>
  z
    .strictObject({
      cert: pem().describe('Certificate with its chain: a file, or the PEM text itself.'),
      key: pem().describe('Its private key: a file, or the PEM text itself.'),
      client_ca: pem()
        .optional()
        .describe('Who signs the certificates that every client must show: a file, or PEM text.'),
    })
    .optional()
    .describe(what);

const backendTls = z
  .strictObject({
    ca: pem().optional().describe('Who signs its certificate, in the place of the public CAs: a file, or PEM text.'),
    server_name: text().optional().describe('Name that its certificate is for, where that is not the host of the URL.'),
    insecure_skip_verify: flag()
      .prefault(false)
      .describe('Talk to whoever answers, without looking at the certificate; for a trial, never for good.'),
    cert: pem().optional().describe('Certificate to show to this server: a file, or PEM text.'),
    key: pem().optional().describe('Its private key: a file, or PEM text.'),
  })
  .optional()
  .describe('How an https server is recognised; left out, by the public CAs.');

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
    tls: backendTls,
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

const ownCategorySchema = z
  .strictObject({
    keywords: z.array(text()).prefault([]).describe('Words and phrases of the prompt; case and accents do not matter.'),
    patterns: z
      .array(text())
      .prefault([])
      .describe('Regular expressions in the syntax of RE2, for any part of the prompt, in either case.'),
    headers: z
      .record(z.string(), text())
      .prefault({})
      .describe('Request header to what it says, like X-Team to docs; * stands for any text.'),
    paths: z.array(text()).prefault([]).describe('Paths of requests, like /v1/*; * stands for any text.'),
    priority: whole({ min: -1000, max: 1000 })
      .prefault(0)
      .describe('Where several categories fit, the greatest counts, and of equals the first.'),
  })
  .describe('A category of your own, or more clues for a built-in one; one clue is enough.');

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
      token_file: text().optional().describe('File that holds this secret, read at the start and at each reload.'),
      tls: listenerTls('HTTPS on the admin listener.'),
    })
    .prefault({})
    .describe('The admin listener.'),
  cors: z
    .strictObject({
      origins: z
        .array(textAs(readOrigin))
        .prefault([])
        .describe('Pages that may call from a browser besides local ones, like https://*.example.com.'),
      local: flag()
        .prefault(true)
        .describe(
          'Whether pages of this machine and of desktop apps may call, as with Ollama; false leaves only origins.',
        ),
      headers: z
        .array(textAs(readCorsHeader))
        .prefault([])
        .describe('Request headers that pages may send besides those that Ollama allows, like X-Api-Key.'),
      expose_headers: z
        .array(textAs(readCorsHeader))
        .prefault([])
        .describe('Headers of answers that pages may read, like X-Request-Id.'),
      max_age: duration(0).prefault('12h').describe('How long browsers may remember what is allowed.'),
    })
    .prefault({})
    .describe('Which web pages may use the proxy; unless told otherwise local ones, as with Ollama.'),
  metrics: z
    .strictObject({
      listen: addressOrOff()
        .prefault('off')
        .describe('A listener for /metrics alone, to be scraped from elsewhere without admin powers.'),
      tls: listenerTls('HTTPS on the metrics listener.'),
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
      learned: z
        .strictObject({
          shadow: flag()
            .prefault(false)
            .describe('Only works out and logs what each arm would have chosen; hybrid chooses.'),
        })
        .prefault({})
        .describe('The learned strategy.'),
    })
    .prefault({})
    .describe('How servers are chosen.'),
  virtual_models: z
    .record(z.string(), virtualModelSchema)
    .prefault({})
    .describe('Names that stand for several models.'),
  categories: z
    .strictObject({
      threshold: decimal({ min: 0, max: 1 })
        .prefault(0.3)
        .describe('Confidence, 0 to 1, below which a prompt is unknown.'),
      own: z
        .record(z.string(), ownCategorySchema)
        .prefault({})
        .describe('Categories of your own, asked before the built-in ones.'),
    })
    .prefault({})
    .describe('How the task of a prompt is told.'),
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
      heal: flag()
        .prefault(true)
        .describe(
          'Whether a model may be unloaded to free a server that has stopped loading, or to end one that hangs.',
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
      hedge: durationOrOff(LEAST_HEDGE_MS)
        .prefault('off')
        .describe('Silence after which an interactive request may be sent to an idle second server as well, at least.'),
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
      interval: duration()
        .prefault('5s')
        .describe('Time between two probes of a server; one at work is asked every 2 s at most what it has in memory.'),
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
              name: textAs(readKeyName).describe('Name of the key, for logs and metrics.'),
              hash: textAs(readKeyHash).describe('The hash of the key, sha256:…'),
              tenant: textAs(readTenant)
                .optional()
                .describe('Whose key it is: keys of one tenant share its turn in the queue; left out, its name.'),
              class: choice(PRIORITY_CLASSES)
                .optional()
                .describe('Priority class of its requests, and the highest that a header may ask for.'),
              models: modelList()
                .min(1, 'must name at least one model; leave it out for all')
                .optional()
                .describe('Models that it may use; * matches anything; left out, all.'),
              routes: z
                .array(choice(KEY_ROUTES))
                .min(1, 'must name at least one kind of route')
                .prefault(['inference', 'models:read'])
                .describe('What it may be used for: inference, models:read, models:write, other.'),
              requests_per_minute: whole({ min: 1, max: MOST_PER_MINUTE })
                .optional()
                .describe('Most requests in any 60 seconds.'),
              concurrent: whole({ min: 1 }).optional().describe('Most requests at a time.'),
              tokens_per_minute: whole({ min: 1 })
                .optional()
                .describe('Most tokens of prompts and answers in any 60 seconds.'),
              tokens_per_day: whole({ min: 1 })
                .optional()
                .describe('Most tokens of prompts and answers in a calendar day (UTC).'),
              allow_pin: flag()
                .prefault(false)
                .describe('Whether the header x-task-router-backend may choose the server.'),
              not_after: textAs(readNotAfter)
                .optional()
                .describe('Last day (UTC), or the moment from which the key is refused.'),
            })
            .describe('One API key.'),
        )
        .prefault([])
        .describe('API keys; with none everybody may come in.'),
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
  tls: listenerTls('HTTPS on the proxy listener.'),
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
        // The file may have categories of its own.
        node.propertyNames = { anyOf: [{ enum: [...names.categories] }, { type: 'string' }] };
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
