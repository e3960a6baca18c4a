import { PlimsollError } from '../protocol/errors.ts'

/** What became of something that was asked for is not known: the exit code says so, and the hint how to ask again. */
export class NotKnown extends PlimsollError {}
