/** Writes a value to standard output as JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Writes a warning to standard error. */
export function printWarning(text: string): void {
  process.stderr.write(`plimsoll: warning: ${text}\n`)
}

/** Writes lines to standard output. */
export function printText(text: string): void {
  process.stdout.write(`${text}\n`)
}
