import type { IncomingMessage } from 'node:http'

/** The longest body of a request to the API, in bytes. */
export const BODY_LIMIT = 16 * 1024

/** Bytes of a request's body; undefined where there are more than `limit`. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
