import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { PlimsollError, Refusal } from '../../protocol/errors.ts'
import { encodeJson } from '../../sdk/schemas.ts'
import type { SequencerNode } from '../node/node.ts'
import { EventStream } from './event-stream.ts'
import { listenOnLoopback } from './listen.ts'
import type { NodeMetrics } from './metrics.ts'
import type { Page } from './page.ts'
import { privateBook } from './private-book.ts'
import { answerApi } from './routes.ts'
import { isLoopbackHost } from './same-origin.ts'
import { vitalsOf } from './vitals.ts'

/** A listener of the operator's own, and the token without which it says nothing. */
export interface OperatorListener {
  readonly server: Server
  readonly port: number
  readonly token: string
}

/**
 * Serves the page to the operator, and behind a token what nobody else may know: the private book, health and metrics. On loopback,
 * under the names of loopback only, without a word to pages of other origins; it never acts.
 * @param port 0 for any free one
 * @throws PlimsollError when the port is taken
 */
export async function serveOperator(
  node: SequencerNode,
  metrics: NodeMetrics,
  page: Page,
  port: number,
): Promise<OperatorListener> {
  const token = randomBytes(32).toString('base64url')
  const stream = new EventStream(node, {})
  const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
    void answer(request, response, node, metrics, page, token, stream).catch((error: unknown) => fail(response, error))
  })
  return {
    server,
    port: await listenOnLoopback(server, port, { option: '--operator-port', whom: 'the operator' }),
    token,
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  node: SequencerNode,
  metrics: NodeMetrics,
  page: Page,
  token: string,
  stream: EventStream,
): Promise<void> {
  // A name of somebody else's that points here is not served anything at all.
  if (!isLoopbackHost(request)) return json(response, 403, denial('This address is called 127.0.0.1.'))
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2)
  if (await page.answer(request, response, path)) return
  if (request.method !== 'GET') return json(response, 405, denial('Only GET is served here.'))
  // What is for everybody is here as well: the page asks no other address.
  if (path === '/v1/events') return stream.listen(response, [])
  if (path.startsWith('/v1/')) return json(response, 200, await publicAnswer(node, path, query))
  if (!path.startsWith('/private/')) return json(response, 404, denial(`There is nothing at ${path.slice(0, 100)}.`))
  if (!isToken(request.headers.authorization, token))
    return json(response, 401, denial('The token is in the link that the node printed when it started.'))
  switch (path) {
    case '/private/book':
      return json(response, 200, await privateBook(node))
    case '/private/health': {
      const trouble = node.health.trouble()
      return json(response, 200, {
        ok: trouble === undefined,
        round: node.round,
        complete: node.complete,
        error: trouble ?? null,
        ...(await vitalsOf(node)),
      })
    }
    case '/private/metrics':
      response.writeHead(200, { 'content-type': metrics.registry.contentType, ...QUIET }).end(await metrics.page(node))
      return
    default:
      return json(response, 404, denial(`There is nothing at ${path.slice(0, 100)}.`))
  }
}

/** @throws Refusal as the owners' API */
async function publicAnswer(node: SequencerNode, path: string, query: string): Promise<unknown> {
  const nobody = () => Promise.resolve('')
  return (await answerApi(node, 'GET', path, new URLSearchParams(query), undefined, nobody))?.body
}

/** Whether a header is the token, in a time that does not tell how much of it is right. */
function isToken(authorization: string | undefined, token: string): boolean {
  const [given, wanted] = [Buffer.from(authorization ?? ''), Buffer.from(`Bearer ${token}`)]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

const QUIET = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
}

function denial(message: string) {
  return { error: { code: 'BAD_REQUEST', message } }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', ...QUIET }).end(`${encodeJson(body)}\n`)
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const message =
    error instanceof PlimsollError || error instanceof Refusal ? error.message : 'The node cannot answer now.'
  json(response, 503, denial(message))
}
