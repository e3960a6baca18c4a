import { readFileSync } from 'node:fs'
import type { Command, Option } from 'commander'
import { PlimsollError } from '../protocol/errors.ts'
import { parseJson } from '../protocol/json.ts'

/** File of the working directory with the options that are always the same. */
const FILE = 'plimsoll.json'

/**
 * Options that may be left out where the environment or the file has them, by their name in the file; each command takes those
 * that it has. A flag counts before the environment, the environment before the file.
 */
const SETTINGS = [
  'rpc',
  'node',
  'from',
  'account',
  'settlement',
  'data',
  'profile',
  'keys',
  'prover',
  'redis',
  'port',
  'interval',
  'logFormat',
] as const

/** Settings that are secrets, which belong in no file that is likely to be committed. */
const SECRETS = /key$|secret|password/i

/** The environment variable of a setting: `PLIMSOLL_LOG_FORMAT` for `logFormat`. */
function settingVariable(name: string): string {
  return `PLIMSOLL_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * Gives all commands below `program` their defaults from the environment and from `plimsoll.json`.
 * @throws PlimsollError for a file that is not an object of known settings
 */
export function applySettings(program: Command): void {
  const settings = readSettings()
  for (const command of commandsBelow(program))
    for (const option of command.options) {
      const name = option.attributeName()
      if (!(SETTINGS as readonly string[]).includes(name)) continue
      // For the help text; the value is set here, so that one place tells where a value came from.
      option.envVar = settingVariable(name)
      const set = process.env[option.envVar] ?? ''
      // Several endpoints are separated by spaces.
      const value = set === '' ? settings.get(name) : name === 'rpc' ? set.trim().split(/\s+/) : [set]
      if (value === undefined) continue
      if (name === 'from' && process.env.PLIMSOLL_WALLET_KEY !== undefined) {
        // The key counts before the file; both in the environment would be a guess at whose money it is.
        if (set === '') continue
        throw new PlimsollError('PLIMSOLL_FROM and PLIMSOLL_WALLET_KEY are both set.', { hint: 'Unset one of them.' })
      }
      const source = set === '' ? FILE : option.envVar
      const given = parsed(option, value, source)
      command.setOptionValueWithSource(name, given, set === '' ? 'config' : 'env')
      const parse = option.parseArg
      // A flag takes the setting's place: one that may be repeated is not added to it.
      if (parse !== undefined) option.argParser((text, before) => parse(text, before === given ? undefined : before))
    }
}

/** Advice on where a required option may be given besides the command line; undefined for one that is given there only. */
export function settingHint(flag: string): string | undefined {
  const name = flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  if (!(SETTINGS as readonly string[]).includes(name)) return undefined
  return `Give it, or set ${settingVariable(name)}, or "${name}" in ${FILE}.`
}

/** Every command that can be called, the groups among them too. */
export function commandsBelow(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsBelow)]
}

function readSettings(): Map<string, readonly string[]> {
  let text: string
  try {
    text = readFileSync(FILE, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw new PlimsollError(`${FILE} cannot be read: ${(error as Error).message}.`)
  }
  let value: unknown
  try {
    value = parseJson(text)
  } catch (error) {
    throw new PlimsollError(`${FILE} in the working directory is not JSON: ${(error as Error).message}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PlimsollError(`${FILE} in the working directory is not an object of settings.`)
  return new Map(
    Object.entries(value).map(([name, setting]): [string, readonly string[]] => {
      if (!(SETTINGS as readonly string[]).includes(name))
        throw new PlimsollError(`${FILE} has the unknown setting ${JSON.stringify(name)}.`, {
          hint: SECRETS.test(name)
            ? 'Secrets belong in the environment: PLIMSOLL_WALLET_KEY, PLIMSOLL_PRIVATE_KEY.'
            : `It may have ${SETTINGS.join(', ')}.`,
        })
      const values: unknown[] = Array.isArray(setting) ? setting : [setting]
      if (values.length === 0 || values.some((one) => typeof one !== 'string' && typeof one !== 'number'))
        throw new PlimsollError(`${FILE} has no text or number for ${JSON.stringify(name)}.`)
      return [name, values.map(String)]
    }),
  )
}

/** A setting as the flag would have given it. @throws PlimsollError naming its source, where the option does not take it */
function parsed(option: Option, values: readonly string[], source: string): unknown {
  const one = (value: string, previous: unknown): unknown => {
    try {
      return option.parseArg === undefined ? value : option.parseArg(value, previous)
    } catch (error) {
      throw new PlimsollError(
        `${source} has ${JSON.stringify(value)} for --${option.name()}. ${(error as Error).message}`,
      )
    }
  }
  if (values.length === 1) return one(values[0]!, undefined)
  if (option.parseArg === undefined)
    throw new PlimsollError(`${source} has several values for --${option.name()}, which takes one.`)
  return values.reduce<unknown>((previous, value) => one(value, previous), undefined)
}
