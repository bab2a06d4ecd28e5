/** The verbs of the command line, in the order in which help lists them. */
export const VERBS = [
  'serve',
  'check',
  'demo',
  'sim',
  'explain',
  'why',
  'top',
  'key',
  'completion',
  'version',
  'help',
] as const;
export type Verb = (typeof VERBS)[number];

/** What each verb does, in a line. */
export const SUMMARIES: Readonly<Record<Verb, string>> = {
  serve: 'run the proxy',
  check: 'validate a configuration file',
  demo: 'show it at work on simulated servers, without a GPU',
  sim: 'run one simulated Ollama server',
  explain: 'ask a running proxy which server would answer a prompt, and why',
  why: 'show how a past request was decided, and what came of it',
  top: 'watch a running proxy: servers, queue, rates, last decisions',
  key: 'make an API key',
  completion: 'print what makes bash, zsh or fish complete these words',
  version: 'print the version',
  help: 'explain a verb: ollama-task-router help serve',
};

/** What `help` alone prints, 100 columns wide at most. */
export const OVERVIEW = `ollama-task-router: one URL in front of a pool of Ollama servers

usage: ollama-task-router VERB [options]

${VERBS.map((verb) => `  ${verb.padEnd(12)}${SUMMARIES[verb]}`).join('\n')}

Results go to stdout, logs and problems to stderr.
`;

const ADMIN_USAGE = `  --admin URL        the admin listener of the proxy (http://127.0.0.1:11436)
  --token-file FILE  a file that holds the token of the admin listener, where it has one
  --token TOKEN      the token itself; others on this machine can see it while this runs`;

const ADMIN_ENVIRONMENT = `environment:
  TASK_ROUTER_ADMIN_URL     as --admin
  TASK_ROUTER_ADMIN_TOKEN   as --token, without being seen`;

/** What `help VERB` and `VERB --help` print, 100 columns wide at most. */
export const USAGE: Readonly<Record<Verb, string>> = {
  serve: `usage: ollama-task-router serve [--config FILE] [--listen HOST:PORT] [--admin-listen HOST:PORT]
                                [--backend URL]... [--strategy NAME]

Runs the proxy. Clients of Ollama use its URL in place of their server's.

  --config FILE             the configuration (YAML), read again when it changes and on SIGHUP
  --listen HOST:PORT        where clients connect (127.0.0.1:11435); port 0 lets the system choose
  --admin-listen HOST:PORT  metrics, health, admin API and dashboard (127.0.0.1:11436); an address
                            that others can reach needs a token
  --backend URL             an Ollama server; repeat it for several; replaces those of the file
  --strategy NAME           how a server is chosen (hybrid)

Flags beat the environment, which beats the file. With no backend named anywhere it tries
http://127.0.0.1:11434 and says so.

environment:
  TASK_ROUTER_LISTEN, TASK_ROUTER_ADMIN_LISTEN, TASK_ROUTER_STRATEGY   as the flags
  TASK_ROUTER_BACKENDS      URLs with commas between them
  TASK_ROUTER_ADMIN_TOKEN   the token of the admin listener
  TASK_ROUTER_LOG_LEVEL     fatal, error, warn, info, debug, trace or silent

SIGTERM and SIGINT let running answers finish; a second one stops at once. SIGUSR2 starts the
program anew on the same sockets, which takes over without a refused connection or a cut answer.

examples:
  ollama-task-router serve --backend http://gpu-1:11434 --backend http://gpu-2:11434
  ollama-task-router serve --config router.yaml --strategy least-loaded

exit code: 0 after a clean stop, 1 if it cannot run, 2 for a bad configuration or usage
`,
  check: `usage: ollama-task-router check FILE [--json]

Validates a configuration and prints every problem at once as FILE:LINE:COLUMN: message, with the
nearest known word for a typo. Warnings, about settings without effect in this version, do not fail
the check.

  --json   problems and warnings as one JSON object on stdout

examples:
  ollama-task-router check router.yaml
  ollama-task-router check router.yaml --json

exit code: 0 if it can be served, 2 if not
`,
  demo: `usage: ollama-task-router demo [--once]

Starts three simulated Ollama servers and the proxy in front of them, sends a few prompts through it
with the ollama client, and prints for each the category, the server picked and why, and then how
many at once are shared out. Then it stays up and prints the URL to point a client at.

  --once   end after the prompts

example:
  ollama-task-router demo --once

exit code: 0, or 1 if something failed
`,
  sim: `usage: ollama-task-router sim --port PORT [--profile NAME] [--models A,B] [--slots N]
                              [--time-scale X] [--seed N]

Runs one simulated Ollama server on 127.0.0.1, to try things without a GPU. Its answers are made up;
its slots, model loads, evictions and timing behave like the real ones.

  --port PORT      where it listens; 0 lets the system choose
  --profile NAME   fast-gpu, slow-gpu or cpu
  --models A,B     the models it has
  --slots N        requests that one model works on at a time (1)
  --time-scale X   duration of everything against life (1); 0.1 is ten times faster
  --seed N         same seed, same answers (1)

example:
  ollama-task-router sim --port 11434 --profile slow-gpu --models llama3.1:8b,qwen2.5-coder:7b

exit code: 0 after it was stopped, 1 when the port is taken, 2 for bad usage
`,
  explain: `usage: ollama-task-router explain --model NAME --prompt TEXT [--system TEXT] [--admin URL]
                                  [--token-file FILE] [--json]

Asks a running proxy to rank its servers for a prompt, without sending it, and prints what makes up
the cost of each, in seconds. Only what was understood of the prompt is told, never the prompt.

  --model NAME       the model, an alias or a virtual model
  --prompt TEXT      what a user would say
  --system TEXT      a system prompt
${ADMIN_USAGE}
  --json             the answer as it came

columns, in seconds:
  start     now, or waits for a slot
  first     until the first token
  cost      what decides, the sum of the columns behind it: waiting, loading the model, reading the
            prompt (prefill), writing the answer (decode, counted in part), slower because of others
            (slow), pushing out other models (evict), delay for others (harm), work while requests
            queue (crowd), and the chance to fail (risk)

${ADMIN_ENVIRONMENT}

examples:
  ollama-task-router explain --model llama3.1:8b --prompt "fix my bug"
  ollama-task-router explain --model auto --prompt "write tests" --admin http://router:11436 --json

exit code: 0, 1 if the proxy cannot be asked or does not have the model, 2 for bad usage
`,
  why: `usage: ollama-task-router why REQUEST_ID [--admin URL] [--token-file FILE] [--json]

Shows how a past request was decided: every candidate with its cost, every attempt, and what was
foreseen beside what was observed. The id is the x-request-id of the answer; the last 1,000 requests
are kept. Columns as in "help explain".

${ADMIN_USAGE}
  --json             the answer as it came

${ADMIN_ENVIRONMENT}

examples:
  ollama-task-router why 0190b6d2-6f3e-7cc1-9d1e-3a3bd9f6c1aa
  ollama-task-router why 0190b6d2-6f3e-7cc1-9d1e-3a3bd9f6c1aa --json

exit code: 0, 1 if the proxy cannot be asked or does not know the request, 2 for bad usage
`,
  top: `usage: ollama-task-router top [--admin URL] [--token-file FILE] [--once] [--json]

Watches a running proxy: the state of each server with its slots and what it has in memory, the
queue, the rates, and the last decisions with what was foreseen and what was observed. In a terminal
it stays and shows changes as they come; q or Ctrl-C ends it, the arrow keys scroll the servers. A
proxy that cannot be reached is tried again. Anywhere else it prints the state once.

${ADMIN_USAGE}
  --once             the state once, in a terminal too
  --json             the same as one JSON object: the first event of GET /admin/v1/events

Foreseen and observed is the time until the first token of a stream, else until the end.

${ADMIN_ENVIRONMENT}
  NO_COLOR                  no colours

examples:
  ollama-task-router top
  ollama-task-router top --admin http://router:11436 --token-file /run/secrets/admin
  ollama-task-router top --json | jq '.servers[] | select(.health != "up") | .name'

exit code: 0, 1 if the proxy refuses or, for a single look, cannot be reached, 2 for bad usage
`,
  key: `usage: ollama-task-router key new [--name NAME] [--tenant NAME] [--class CLASS] [--json]

Makes a random API key and prints it, this once, and the line for auth.keys of the configuration.
That line holds a hash, from which the key cannot be found again.

  --name NAME     what logs, metrics and the admin API call it; made up unless given
  --tenant NAME   whose key it is; keys of one tenant share its turn in the queue
  --class CLASS   interactive, normal or batch
  --json          the same as one JSON object

Clients send it as "Authorization: Bearer KEY" or "x-api-key: KEY".

examples:
  ollama-task-router key new --name ci --class batch
  ollama-task-router key new --json

exit code: 0, 2 for bad usage
`,
  completion: `usage: ollama-task-router completion bash|zsh|fish

Prints a script that makes the shell complete verbs, options, strategies and files.

examples:
  source <(ollama-task-router completion bash)
  ollama-task-router completion zsh > "\${fpath[1]}/_ollama-task-router"
  ollama-task-router completion fish > ~/.config/fish/completions/ollama-task-router.fish

exit code: 0, 2 for bad usage
`,
  version: `usage: ollama-task-router version [--json]

Prints the version.

  --json   with the version of Node that it runs on, as one JSON object

example:
  ollama-task-router version --json

exit code: 0, 2 for bad usage
`,
  help: `usage: ollama-task-router help [VERB]

Explains one verb, or lists them all.

example:
  ollama-task-router help explain

exit code: 0, 2 for a verb that there is not
`,
};
