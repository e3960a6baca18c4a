import type { Command } from 'commander'
import { commandsBelow } from './settings.ts'

/** One command's words: its subcommands, and its options with what each takes. */
interface Entry {
  /** Names from the program on, such as `wallet deposit`; empty for the program itself. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly {
    readonly flag: string
    readonly description: string
    /** The values to choose from; empty where there is no list, undefined where the option takes none. */
    readonly values: readonly string[] | undefined
  }[]
  /** Choices of the first argument; empty where it may be a file. */
  readonly choices: readonly string[]
}

/** A script that completes commands, options and values that are chosen from a list; files elsewhere. */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const entries = commandsBelow(program).map((command) => entryOf(program, command))
  return { bash, zsh, fish }[shell](entries)
}

function entryOf(program: Command, command: Command): Entry {
  const names: string[] = []
  for (let at = command; at !== program; at = at.parent!) names.unshift(at.name())
  const options = command.options.map((option) => ({
    flag: option.long!,
    description: option.description,
    values: option.required || option.optional ? (option.argChoices ?? []) : undefined,
  }))
  return {
    path: names.join(' '),
    commands: command.commands.map((sub) => ({ name: sub.name(), summary: sub.summary() })),
    options: [...options, { flag: '--help', description: 'display help for command', values: undefined }],
    choices: command.registeredArguments[0]?.argChoices ?? [],
  }
}

function bash(entries: readonly Entry[]): string {
  const words = entries.map(
    ({ path, commands, options, choices }) =>
      `    '${path}') words='${[...commands.map(({ name }) => name), ...choices, ...options.map(({ flag }) => flag)].join(' ')}' ;;`,
  )
  const values = entries.flatMap(({ path, options }) =>
    options
      .filter((option) => option.values !== undefined && option.values.length > 0)
      .map(({ flag, values }) => `    '${path} ${flag}') words='${values!.join(' ')}' ;;`),
  )
  const taking = new Set(
    entries.flatMap(({ options }) => options.filter(({ values }) => values !== undefined).map(({ flag }) => flag)),
  )
  return `# Load it with: source <(plimsoll completion bash)
_plimsoll() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' word i skip=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      ${[...taking].join('|')}) skip=1 ;;
      -*) ;;
      *) case "\${path:+$path }$word" in
${entries
  .filter(({ path }) => path !== '')
  .map(({ path }) => `        '${path}') path='${path}' ;;`)
  .join('\n')}
      esac ;;
    esac
  done
  if [[ -n $skip ]]; then
    case "$path $previous" in
${values.join('\n')}
    *) COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case $path in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ \${#COMPREPLY[@]} -eq 0 && $current != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _plimsoll plimsoll ./plimsoll`
}

function zsh(entries: readonly Entry[]): string {
  const escaped = (text: string) => text.replace(/'/g, "'\\''").replace(/([:[\]])/g, '\\$1')
  const cases = entries.map(({ path, commands, options, choices }) => {
    const flags = options.map(({ flag, description, values }) => {
      const value = values === undefined ? '' : values.length > 0 ? `:value:(${values.join(' ')})` : ':value:_files'
      return `'${flag}[${escaped(description)}]${value}'`
    })
    const list = [...commands, ...choices.map((name) => ({ name, summary: '' }))]
    const described = list.map(({ name, summary }) => `'${name}:${escaped(summary)}'`).join(' ')
    const first = list.length > 0 ? `; local -a subcommands=(${described}); _describe command subcommands` : '; _files'
    return `    '${path}') if [[ $words[CURRENT] == -* || $words[CURRENT-1] == --* ]]; then _arguments ${flags.join(' ')}${first.replace(/^; /, '; else ')}; fi ;;`
  })
  return `#compdef plimsoll ./plimsoll
# Load it with: source <(plimsoll completion zsh), after compinit
_plimsoll() {
  local path_of='' word
  for word in \${words[2,CURRENT-1]}; do
    case "\${path_of:+$path_of }$word" in
${entries
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path}') path_of='${path}' ;;`)
  .join('\n')}
    esac
  done
  case $path_of in
${cases.join('\n')}
  esac
}
compdef _plimsoll plimsoll ./plimsoll`
}

function fish(entries: readonly Entry[]): string {
  const escaped = (text: string) => text.replace(/'/g, "\\'")
  const lines = entries.flatMap(({ path, commands, options, choices }) => {
    const condition = `-n '__plimsoll_at "${path}"'`
    return [
      ...commands.map(
        ({ name, summary }) => `complete -c plimsoll -f ${condition} -a '${name}' -d '${escaped(summary)}'`,
      ),
      ...choices.map((name) => `complete -c plimsoll -f ${condition} -a '${name}'`),
      ...options.map(({ flag, description, values }) => {
        const value = values === undefined ? '' : values.length > 0 ? ` -x -a '${values.join(' ')}'` : ' -r'
        return `complete -c plimsoll ${condition} -l ${flag.slice(2)}${value} -d '${escaped(description)}'`
      }),
    ]
  })
  const groups = entries.filter(({ path, commands }) => path !== '' && commands.length > 0).map(({ path }) => path)
  const names = entries.filter(({ path }) => path !== '' && !path.includes(' ')).map(({ path }) => path)
  return `# Load it with: plimsoll completion fish | source
function __plimsoll_at
  set -l path
  for word in (commandline -opc)[2..]
    if test (count $path) -eq 0; and contains -- $word ${names.join(' ')}
      set path $word
    else if test (count $path) -eq 1; and contains -- "$path" ${groups.join(' ')}; and not string match -q -- '-*' $word
      set -a path $word
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}`
}
