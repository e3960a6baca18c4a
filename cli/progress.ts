const ENABLED = process.stderr.isTTY === true

/** Shows one changing line on a terminal's standard error; says nothing in a pipe. */
export function progress(line: string): void {
  if (ENABLED) process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`)
}

/** Clears the line, before anything else is printed. */
export function endProgress(): void {
  if (ENABLED) process.stderr.write('\r\x1b[2K')
}
