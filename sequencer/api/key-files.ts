import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { Refusal } from '../../protocol/errors.ts'
import type { SequencerNode } from '../node/node.ts'

/**
 * Sends a proving key or a witness program, which are no secrets, by the SHA-256 of its content.
 * @throws Refusal where the node has no such file
 */
export async function sendKeyFile(node: SequencerNode, sha256: string, response: ServerResponse): Promise<void> {
  const path = /^[0-9a-f]{64}$/.test(sha256) ? await node.keyFile(sha256) : undefined
  if (path === undefined) throw new Refusal('NOT_FOUND', 'The node has no key file with this hash.')
  const { size } = await stat(path)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
  // Whoever asked may go: then there is nobody to tell.
  await pipeline(createReadStream(path), response).catch(() => response.destroy())
}
