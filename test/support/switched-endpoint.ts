import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** An endpoint in front of a chain that can be told to be out of order. */
export interface SwitchedEndpoint {
  readonly url: string
  /** Methods that are not answered; all of them where it is `true`. */
  broken: boolean | readonly string[]
  /** Methods that are answered with null. */
  unknown: readonly string[]
  close(): void
}

export async function startSwitchedEndpoint(chain: string): Promise<SwitchedEndpoint> {
  const server = createServer(async (incoming, response) => {
    const body = await text(incoming)
    const { method, id } = JSON.parse(body) as { method: string; id: number }
    if (endpoint.broken === true || (endpoint.broken !== false && endpoint.broken.includes(method)))
      return void response.writeHead(502).end('bad gateway')
    if (endpoint.unknown.includes(method))
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result: null }))
    const answer = await fetch(chain, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint: SwitchedEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    broken: false,
    unknown: [],
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
  return endpoint
}
