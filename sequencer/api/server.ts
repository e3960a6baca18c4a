import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { PlimsollError, Refusal, type RefusalCode } from '../../protocol/errors.ts'
import { ChainFailure } from '../../sdk/chain/chain-failure.ts'
import { encodeJson } from '../../sdk/schemas.ts'
import { Duplicate } from '../mempool/operation-pool.ts'
import type { SequencerNode } from '../node/node.ts'
import { EventStream } from './event-stream.ts'
import { sendKeyFile } from './key-files.ts'
import { listenOnLoopback } from './listen.ts'
import type { NodeMetrics } from './metrics.ts'
import type { Page } from './page.ts'
import { BODY_LIMIT, readBody } from './read-body.ts'
import { answerApi, parseId } from './routes.ts'
import { vitalsOf } from './vitals.ts'

/** Path of the files that provers elsewhere need. */
const KEYS = '/keys/'
/** Headers for any page in a browser: nothing here is private, and operations carry their own signatures. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers': 'content-type, authorization',
}

const STATUSES: Readonly<Partial<Record<RefusalCode, number>>> = {
  BAD_REQUEST: 400,
  NOT_FOUND: 404,
  UNAUTHORIZED: 401,
  STALE_VERSION: 409,
  TRADE_GONE: 409,
  NOT_WAITING: 409,
  DUPLICATE: 409,
  UNAVAILABLE: 503,
  BUSY: 503,
  NO_FRESH_ROUND: 503,
  FROZEN: 503,
}

/** A request that HTTP itself has a status for. */
class HttpRefusal extends Refusal {
  readonly status: number

  constructor(status: number, message: string) {
    super('BAD_REQUEST', message)
    this.status = status
  }
}

/**
 * Serves the owners' API, /health, /ready, /state, /metrics and /keys on loopback; nothing that it hands out is private.
 * @param port 0 for any free one
 * @param page for browsers, where there is to be one
 * @throws PlimsollError when the port is taken
 */
export async function serve(
  node: SequencerNode,
  metrics: NodeMetrics,
  port: number,
  page?: Page,
): Promise<{ server: Server; port: number }> {
  metrics.watch(node.endpoint)
  const stream = new EventStream(node, CORS)
  const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
    void answer(request, node, metrics, stream, page, response).catch((error: unknown) => refuse(response, error))
  })
  server.on('clientError', answerNonsense)
  return { server, port: await listenOnLoopback(server, port) }
}

/** A peer that does not speak HTTP, or too slowly, is told so in the same form as everybody else. */
function answerNonsense({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy()
  const [status, message] =
    code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The headers are too long.']
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request did not come to its end in time.']
        : ['400 Bad Request', 'The request is not HTTP.']
  const body = `${encodeJson({ error: { code: 'BAD_REQUEST', message } })}\n`
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

async function answer(
  request: IncomingMessage,
  node: SequencerNode,
  metrics: NodeMetrics,
  stream: EventStream,
  page: Page | undefined,
  response: ServerResponse,
): Promise<void> {
  const method = request.method ?? ''
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2)
  if (path.startsWith('/v1/')) {
    if (method === 'OPTIONS') {
      response.writeHead(204, CORS).end()
      return
    }
    const { authorization } = request.headers
    const parameters = new URLSearchParams(query)
    if (path === '/v1/events') {
      if (method !== 'GET') throw new HttpRefusal(405, `${path} does not take ${method}.`)
      return stream.listen(response, parameters.getAll('operation').map(parseId))
    }
    const answered = await answerApi(node, method, path, parameters, authorization, () => textOf(request))
    if (answered === undefined) throw new HttpRefusal(405, `${path} does not take ${method}.`)
    return json(response, answered.status, answered.body)
  }
  if (method === 'GET' && path.startsWith(KEYS)) return sendKeyFile(node, path.slice(KEYS.length), response)
  if (page !== undefined && (await page.answer(request, response, path))) return
  if (method !== 'GET') throw new HttpRefusal(405, 'Only GET is served here.')
  switch (path) {
    case '/health':
      return health(response, node)
    case '/ready':
      return ready(response, node)
    case '/state':
      return json(response, 200, publicState(node))
    case '/metrics':
      response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(await metrics.page(node))
      return
    default:
      throw new Refusal('NOT_FOUND', `There is nothing at ${path.slice(0, 100)}.`)
  }
}

async function health(response: ServerResponse, node: SequencerNode): Promise<void> {
  const trouble = node.health.trouble()
  json(response, trouble === undefined ? 200 : 503, {
    ok: trouble === undefined,
    round: node.round,
    complete: node.complete,
    error: trouble ?? null,
    ...(await vitalsOf(node)),
  })
}

/** Whether what is handed in now is taken and carried out: for whoever sends owners here. */
async function ready(response: ServerResponse, node: SequencerNode): Promise<void> {
  const refused = await node.requireReady().then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Refusal) return error
      throw error
    },
  )
  json(response, refused === undefined ? 200 : 503, {
    ready: refused === undefined,
    code: refused?.code ?? null,
    error: refused?.message ?? null,
  })
}

async function textOf(request: IncomingMessage): Promise<string> {
  const body = await readBody(request, BODY_LIMIT)
  if (body === undefined) throw new HttpRefusal(413, `A body has at most ${BODY_LIMIT} bytes.`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new Refusal('BAD_REQUEST', 'The body is not a text in UTF-8.')
  }
}

/** A typed error; of what is not a refusal only that it happened, the rest goes to standard error. */
function refuse(response: ServerResponse, error: unknown): void {
  // Whoever asked may be gone.
  if (response.headersSent || response.destroyed || response.socket?.destroyed !== false) {
    response.destroy()
    return
  }
  if (!(error instanceof Refusal)) {
    const known = error instanceof PlimsollError
    process.stderr.write(
      `plimsoll: a request failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}\n`,
    )
    json(response, 503, {
      error: { code: 'UNAVAILABLE', message: known ? inPublic(error) : 'The node cannot answer now.' },
    })
    return
  }
  const status = error instanceof HttpRefusal ? error.status : (STATUSES[error.code] ?? 422)
  // The rest of a body that is not read would be taken for the next request.
  if (status === 413) response.shouldKeepAlive = false
  json(response, status, {
    error: { code: error.code, message: error.message },
    ...(error instanceof Duplicate ? { id: error.id } : {}),
  })
}

/** Owners are not told which endpoints the node asks, nor what those said. */
function inPublic(error: PlimsollError): string {
  return error instanceof ChainFailure ? error.publicly : error.message
}

/** Facts that the chain shows anyway, and nothing more. */
function publicState(node: SequencerNode): unknown {
  const { ledger } = node.system
  return {
    settlement: node.settlement.address,
    chainId: node.settlement.client.chainId,
    round: node.round,
    complete: node.complete,
    accountsRoot: ledger.root,
    slots: ledger.heads.map((head, slot) => ({ slot, empty: head === 0n, covered: ledger.isCovered(slot) })),
    backstop: ledger.backstop,
    badDebt: ledger.badDebt,
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', ...CORS }).end(`${encodeJson(body)}\n`)
}
