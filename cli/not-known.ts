import { PlimsollError } from '../protocol/errors.ts'

/** An outcome that is not known: the exit code says so, and the hint how to ask again. */
export class NotKnown extends PlimsollError {}
