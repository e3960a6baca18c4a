import { asCalled } from './invocation.ts'

/** Whether the command line asks for JSON: then standard error has JSON too, one object a line. */
export function wantsJson(): boolean {
  const options = process.argv.indexOf('--')
  return process.argv.slice(2, options < 0 ? undefined : options).includes('--json')
}

/** Writes a value to standard output as JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Writes a warning to standard error. */
export function printWarning(text: string): void {
  const warning = asCalled(text)
  process.stderr.write(wantsJson() ? `${JSON.stringify({ warning })}\n` : `plimsoll: warning: ${warning}\n`)
}

/** Writes what may be worth knowing later to standard error, for people: with --json the answer has it, or the complaint. */
export function printNotice(text: string): void {
  if (!wantsJson()) process.stderr.write(`plimsoll: ${asCalled(text)}\n`)
}

/** Writes lines to standard output. */
export function printText(text: string): void {
  process.stdout.write(`${asCalled(text)}\n`)
}

/** Account of what went wrong, for people or for a program. */
export interface Complaint {
  readonly message: string
  /** Advice on what can be done about it. */
  readonly hint?: string | undefined
  /** Stable name of a refusal, where it has one. */
  readonly code?: string | undefined
  readonly exitCode: number
}

/** Writes what went wrong to standard error: one line whatever the text, for a name in it may hold a line break. */
export function printError({ message, hint, code, exitCode }: Complaint): void {
  const line = (text: string) => asCalled(text.trim().replace(/\s*[\r\n]+\s*/g, ' '))
  if (wantsJson()) {
    const error = {
      ...(code !== undefined && { code }),
      message: line(message),
      ...(hint !== undefined && { hint: line(hint) }),
      exitCode,
    }
    process.stderr.write(`${JSON.stringify({ error })}\n`)
  } else process.stderr.write(`plimsoll: ${line(hint === undefined ? message : `${message} ${hint}`)}\n`)
}
