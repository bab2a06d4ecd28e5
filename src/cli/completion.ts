import { parseArgs } from 'node:util';
import { didYouMean } from '../config/nearest.ts';
import { PRIORITY_CLASSES } from '../core/types.ts';
import { STRATEGY_NAMES } from '../routing/index.ts';
import { profiles } from '../sim/model/profile.ts';
import { OPTIONS, type OptionWord, type ValueKind } from './options.ts';
import { SUMMARIES, USAGE, VERBS, type Verb } from './usage.ts';
import { problemOf } from './usage-problem.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const NAME = 'ollama-task-router';

/** Values that are told; the other kinds are files, or nobody can know them. */
const VALUES: Readonly<Partial<Record<ValueKind, readonly string[]>>> = {
  strategy: STRATEGY_NAMES,
  profile: Object.keys(profiles),
  class: PRIORITY_CLASSES,
};

/** Words that may follow a verb besides its options; `files` where it takes a file. */
const ARGUMENTS: Readonly<Partial<Record<Verb, readonly string[] | 'files'>>> = {
  check: 'files',
  key: ['new'],
  completion: SHELLS,
  help: VERBS,
};

const dashed = ({ name }: OptionWord): string => `--${name}`;

/** All options of one kind of value, each once. */
const withValue = (kind: ValueKind): readonly string[] => [
  ...new Set(
    Object.values(OPTIONS)
      .flat()
      .filter(({ value }) => value === kind)
      .map(dashed),
  ),
];

const bash = (): string => {
  const told = (['strategy', 'profile', 'class'] as const).map(
    (kind) => `    ${withValue(kind).join('|')}) words='${(VALUES[kind] ?? []).join(' ')}' ;;`,
  );
  const verbs = VERBS.map((verb) => {
    const words = ARGUMENTS[verb];
    const files = words === 'files' ? '; files=1' : '';
    const all = [...(words === undefined || words === 'files' ? [] : words), ...OPTIONS[verb].map(dashed), '--help'];
    return `      ${verb}) words='${all.join(' ')}'${files} ;;`;
  });
  return `# bash completion for ${NAME}
_ollama_task_router() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words='' files='' IFS=$' \\t\\n'
  COMPREPLY=()
  case "$before" in
    ${withValue('file').join('|')}) files=1 ;;
${told.join('\n')}
    ${withValue('other').join('|')}) return ;;
    *) if [ "$COMP_CWORD" -eq 1 ]; then words='${VERBS.join(' ')}'; else
      case "\${COMP_WORDS[1]}" in
${verbs.join('\n')}
      esac
    fi ;;
  esac
  COMPREPLY=( $(compgen -W "$words" -- "$word") )
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    IFS=$'\\n'
    COMPREPLY+=( $(compgen -f -- "$word") )
  fi
}
complete -F _ollama_task_router ${NAME}
`;
};

/** The action of zsh's _arguments for a kind of value. */
const zshAction = (kind: ValueKind): string => {
  if (kind === 'file') return ':file:_files';
  const values = VALUES[kind];
  return values === undefined ? ':value:' : `:${kind}:(${values.join(' ')})`;
};

const zsh = (): string => {
  const verbs = VERBS.map((verb) => `    '${verb}:${SUMMARIES[verb].replaceAll("'", "'\\''")}'`);
  const cases = VERBS.map((verb) => {
    const words = ARGUMENTS[verb];
    const rest = words === undefined ? [] : [words === 'files' ? '1:file:_files' : `1:word:(${words.join(' ')})`];
    const options = OPTIONS[verb].map(
      (option) => `*${dashed(option)}${option.value === undefined ? '' : zshAction(option.value)}`,
    );
    return `    ${verb}) _arguments ${[...rest, ...options, '--help'].map((each) => `'${each}'`).join(' ')} ;;`;
  });
  return `#compdef ${NAME}
_ollama_task_router() {
  local -a verbs
  verbs=(
${verbs.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _ollama-task-router ]; then
  _ollama_task_router "$@"
else
  compdef _ollama_task_router ${NAME}
fi
`;
};

const fish = (): string => {
  const lines = [`complete -c ${NAME} -f`];
  for (const verb of VERBS) {
    const summary = SUMMARIES[verb].replaceAll("'", "\\'");
    lines.push(`complete -c ${NAME} -n __fish_use_subcommand -a ${verb} -d '${summary}'`);
    const seen = `complete -c ${NAME} -n '__fish_seen_subcommand_from ${verb}'`;
    const words = ARGUMENTS[verb];
    if (words === 'files') lines.push(`${seen} -F`);
    else if (words !== undefined) lines.push(`${seen} -a '${words.join(' ')}'`);
    for (const { name, value } of OPTIONS[verb]) {
      const values = value === undefined ? undefined : VALUES[value];
      const takes = value === undefined ? '' : value === 'file' ? ' -r -F' : ' -x';
      lines.push(`${seen} -l ${name}${takes}${values === undefined ? '' : ` -a '${values.join(' ')}'`}`);
    }
    lines.push(`${seen} -l help`);
  }
  return `# fish completion for ${NAME}\n${lines.join('\n')}\n`;
};

const SCRIPTS: Readonly<Record<Shell, () => string>> = { bash, zsh, fish };

/** A script that teaches a shell the verbs, their options, and the values that are known. */
export const completionScript = (shell: Shell): string => SCRIPTS[shell]();

const isShell = (word: string): word is Shell => (SHELLS as readonly string[]).includes(word);

export interface CompletionIo {
  out(text: string): void;
  err(text: string): void;
}

/** `completion SHELL`: the script on stdout. Gives the exit code: 0, or 2 for a wrong command line. */
export const completionCommand = (argv: readonly string[], io: CompletionIo): number => {
  const usageError = (message: string): number => {
    io.err(`ollama-task-router completion: ${message}\n\n${USAGE.completion}`);
    return 2;
  };
  let positionals: readonly string[];
  try {
    ({ positionals } = parseArgs({ args: [...argv], options: {}, allowPositionals: true }));
  } catch (thrown) {
    return usageError(problemOf(thrown, 'completion'));
  }
  const [shell] = positionals;
  if (shell === undefined || positionals.length > 1) return usageError(`for which shell? One of ${SHELLS.join(', ')}`);
  if (!isShell(shell)) {
    const meant = didYouMean(shell, SHELLS);
    return usageError(
      `no completion for ${JSON.stringify(shell)}${meant === '' ? ';' : meant} there is one for ${SHELLS.join(', ')}`,
    );
  }
  io.out(completionScript(shell));
  return 0;
};
