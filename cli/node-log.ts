import { type DestinationStream, type Logger, pino } from 'pino'

export const LOG_FORMATS = ['text', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/**
 * Logger of a node: a line for each thing that happened, with its time.
 * @param format `text`: time, level and sentence, for people; `json`: pino's lines, with all fields
 * @param output stream that the lines go to
 */
export function nodeLog(format: LogFormat, output: NodeJS.WritableStream): Logger {
  const lines: DestinationStream =
    format === 'json'
      ? { write: (line) => output.write(line) }
      : { write: (line) => output.write(`${forPeople(line)}\n`) }
  return pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    lines,
  )
}

function forPeople(line: string): string {
  const { time, level, msg } = JSON.parse(line) as { time: string; level: string; msg: string }
  return `${time} ${level.padEnd(5)} ${msg}`
}
