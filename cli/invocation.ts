import type { Command } from 'commander'

/** Commands that a text may name, such as `plimsoll wallet balance`. */
const COMMAND = /(?<!Usage:)(^|[\s`("'])plimsoll (?=(?:--help|[a-z]+(?:-[a-z]+)*)\b)/gm

let running: Command | undefined

/** Remembers the command that runs, from whose options hints are made. */
export function setRunning(command: Command): void {
  running = command
}

/** The words by which the user calls the program: the launcher says how it was called. */
export function invocation(): string {
  return process.env.PLIMSOLL_AS ?? 'plimsoll'
}

/** A text in which every `plimsoll COMMAND` can be run as it stands. */
export function asCalled(text: string): string {
  return text.replace(COMMAND, (_, before: string) => `${before}${quoted(invocation())} `)
}

/**
 * A command line that runs as printed: words are quoted where a shell needs it. Of `options`, those are added that were given to
 * the running command as flags; the environment and `plimsoll.json` give theirs again.
 */
export function commandLine(words: readonly string[], options: readonly string[] = []): string {
  const flags = options.flatMap((name) => {
    if (running?.getOptionValueSource(name) !== 'cli') return []
    const flag = running.options.find((option) => option.attributeName() === name)!.long!
    const value: unknown = running.getOptionValue(name)
    if (value === true) return [flag]
    return (Array.isArray(value) ? value : [value]).flatMap((one) => [flag, String(one)])
  })
  return [invocation(), ...words, ...flags].map(quoted).join(' ')
}

/** A word for a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
