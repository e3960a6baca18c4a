/** Sink of a log: fields for programs, a sentence for people. */
export interface FleetLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** Log that nobody reads. */
export const QUIET: FleetLog = { info: () => {}, warn: () => {} }
