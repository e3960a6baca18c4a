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
  return `# Load it with: source <(plimsoll completion bash)
_plimsoll() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' word i skip=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      ${takingValues(entries).join('|')}) skip=1 ;;
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

/** Options of any command that take a value: the word behind one of them is no command. */
function takingValues(entries: readonly Entry[]): string[] {
  const taking = entries.flatMap(({ options }) => options.filter(({ values }) => values !== undefined))
  return [...new Set(taking.map(({ flag }) => flag))]
}

function zsh(entries: readonly Entry[]): string {
  const quoted = (text: string) => text.replace(/'/g, "'\\''")
  const escaped = (text: string) => quoted(text).replace(/([:[\]])/g, '\\$1')
  const cases = entries.map(({ path, commands, options, choices }) => {
    const flags = options.map(({ flag, description, values }) => {
      const value = values === undefined ? '' : values.length > 0 ? `:value:(${values.join(' ')})` : ':value:_files'
      return `'${flag}[${escaped(description)}]${value}'`
    })
    const list = [...commands, ...choices.map((name) => ({ name, summary: '' }))]
    const names = list.map(({ name, summary }) => `'${name}${summary && `:${escaped(summary)}`}'`).join(' ')
    const first = list.length > 0 ? `'1:command:{_describe command names}'` : `'*:file:_files'`
    return `    '${path}') names=(${names}); _arguments ${flags.join(' ')} ${first} ;;`
  })
  return `#compdef plimsoll ./plimsoll
# Load it with: source <(plimsoll completion zsh), after compinit
_plimsoll() {
  local path_of='' skip='' i at=1
  local -a names
  for ((i = 2; i < CURRENT; i++)); do
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $words[i] in
      ${takingValues(entries).join('|')}) skip=1 ;;
      *) case "\${path_of:+$path_of }$words[i]" in
${entries
  .filter(({ path }) => path !== '')
  .map(({ path }) => `        '${path}') path_of='${path}' at=$i ;;`)
  .join('\n')}
      esac ;;
    esac
  done
  words=("\${(@)words[at,-1]}")
  ((CURRENT -= at - 1))
  case $path_of in
${cases.join('\n')}
  esac
}
compdef _plimsoll plimsoll ./plimsoll`
}

function fish(entries: readonly Entry[]): string {
  const escaped = (text: string) => text.replace(/[\\']/g, '\\$&')
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
  const paths = entries.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`]))
  return `# Load it with: plimsoll completion fish | source
function __plimsoll_at
  set -l path ''
  set -l skip 0
  for word in (commandline -opc)[2..]
    if test $skip = 1
      set skip 0
    else if contains -- $word ${takingValues(entries).join(' ')}
      set skip 1
    else
      set -l longer (string trim "$path $word")
      if contains -- "$longer" ${paths.join(' ')}
        set path $longer
      end
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}`
}
