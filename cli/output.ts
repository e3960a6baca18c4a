/** Writes a value to standard output as JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Writes lines to standard output. */
export function printText(text: string): void {
  process.stdout.write(`${text}\n`)
}
