import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PlimsollError } from '../../protocol/errors.ts'

/**
 * Has a server listen on loopback.
 * @param port 0 for any free one
 * @param asked option that chooses the port, and whom it is for, to tell where it is taken
 * @returns the port
 * @throws PlimsollError when the port is taken
 */
export async function listenOnLoopback(
  server: Server,
  port: number,
  asked: { readonly option: string; readonly whom?: string } = { option: '--port' },
): Promise<number> {
  const place = asked.whom === undefined ? `port ${port}` : `port ${port} for ${asked.whom}`
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new PlimsollError(`Cannot listen on ${place}: ${error.message}.`, { hint: `Choose another ${asked.option}.` }),
      ),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}
