import { wantsJson } from './output.ts'

const TERMINAL = process.stderr.isTTY === true
const TICK = 1_000

interface Stage {
  readonly text: string
  /** Seconds that it takes on two cores, where that is known. */
  readonly expected: number | undefined
  readonly started: number
  readonly timer: NodeJS.Timeout | undefined
}

let current: Stage | undefined
let detail: string | undefined

/**
 * Begins a stage of something that takes a while, with the seconds to expect on two cores: one line of its own in a pipe, a
 * changing line with the time that has passed on a terminal. The stage that goes on already is not begun again. With `--json`
 * a pipe gets nothing: whoever reads it reads JSON.
 */
export function stage(text: string, expected?: number): void {
  if (current?.text === text) return
  endProgress()
  const timer = TERMINAL ? setInterval(draw, TICK).unref() : undefined
  current = { text, expected, started: performance.now(), timer }
  if (TERMINAL) draw()
  else if (!wantsJson())
    process.stderr.write(`plimsoll: ${text}${expected === undefined ? '' : `, about ${duration(expected)}`}...\n`)
}

/** The stage of a deployment: verifiers are compiled, then everything is created. */
export function deploymentStage(): void {
  stage('compiling the verifiers and creating the contracts', 40)
}

/** Tells how far the stage is, on a terminal. */
export function progress(line: string): void {
  detail = line
  if (TERMINAL) draw()
}

/** Ends the stage, before anything else is printed. */
export function endProgress(): void {
  if (current?.timer !== undefined) clearInterval(current.timer)
  current = undefined
  detail = undefined
  if (TERMINAL) process.stderr.write('\r\x1b[2K')
}

/** Seconds in words: `8 s`, `2 min`. */
export function duration(seconds: number): string {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`
}

function draw(): void {
  const passed = current === undefined ? 0 : (performance.now() - current.started) / 1_000
  const time =
    current === undefined
      ? ''
      : `${duration(passed)}${current.expected === undefined ? '' : ` of about ${duration(current.expected)}`}`
  const line = [current?.text, detail, time].filter((part) => part !== undefined && part !== '').join(': ')
  process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`)
}
