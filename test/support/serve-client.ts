import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

interface Requesting {
  request(call: { method: string; params?: unknown }): Promise<unknown>
}

/**
 * A chain of this process behind HTTP on loopback, as a stock wallet reaches it.
 * @param answer what to say instead of what the chain says, by method; undefined leaves that
 */
export async function serveClient(
  client: unknown,
  answer: (method: string) => unknown = () => undefined,
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (incoming, response) => {
    const { id, method, params = [] } = (await json(incoming)) as { id: number; method: string; params?: unknown }
    const given = answer(method)
    const body =
      given !== undefined
        ? { result: given }
        : await (client as Requesting).request({ method, params }).then(
            (result) => ({ result }),
            (error: { code?: number; message: string; data?: unknown }) => ({
              error: { code: error.code ?? -32000, message: error.message, data: error.data },
            }),
          )
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...body }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}
