/** An error whose message is one clear sentence for the user: it names what is wrong, and `hint` says what to do. */
export class PlimsollError extends Error {
  readonly hint: string | undefined

  constructor(message: string, options: { hint?: string } = {}) {
    super(message)
    this.name = 'PlimsollError'
    this.hint = options.hint
  }
}
