import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { listenOnLoopback } from '../sequencer/api/listen.ts'
import type { Page } from '../sequencer/api/page.ts'
import { BODY_LIMIT, readBody } from '../sequencer/api/read-body.ts'
import { isLoopbackHost } from '../sequencer/api/same-origin.ts'

/** Paths of a node that the page asks; everything else is the page's own. */
const NODE_PATHS = /^\/(v1\/|state$|health$|ready$|metrics$)/
const FORWARDED = ['content-type', 'authorization', 'accept']

/**
 * Serves the page on loopback, over a node somewhere else: what the page asks of the node goes through here, so that it needs no
 * other origin.
 * @param node its base URL; undefined where there is none, as after its end
 * @param port 0 for any free one
 * @throws PlimsollError when the port is taken
 */
export async function serveWeb(
  page: Page,
  node: string | undefined,
  port: number,
): Promise<{ server: Server; port: number }> {
  const server = createServer({ requestTimeout: 30_000 }, (request, response) => {
    void answer(request, response, page, node).catch(() => {
      if (response.headersSent) response.destroy()
      else say(response, 503, 'UNAVAILABLE', 'The page cannot be served now.')
    })
  })
  return { server, port: await listenOnLoopback(server, port) }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  page: Page,
  node: string | undefined,
): Promise<void> {
  if (!isLoopbackHost(request)) return say(response, 403, 'BAD_REQUEST', 'This address is called 127.0.0.1.')
  const url = request.url ?? '/'
  const path = url.split('?', 1)[0]!
  if (await page.answer(request, response, path)) return
  if (!NODE_PATHS.test(path)) return say(response, 404, 'NOT_FOUND', 'There is nothing here.')
  if (node === undefined) return say(response, 503, 'UNAVAILABLE', 'This page knows no node.')
  await forward(request, response, `${node.replace(/\/+$/, '')}${url}`)
}

async function forward(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
  const method = request.method ?? 'GET'
  const headers = Object.fromEntries(
    FORWARDED.flatMap((name) => (typeof request.headers[name] === 'string' ? [[name, request.headers[name]]] : [])),
  )
  const bare = method === 'GET' || method === 'HEAD'
  const body = bare ? undefined : await readBody(request, BODY_LIMIT)
  if (!bare && body === undefined) return say(response, 413, 'BAD_REQUEST', `A body has at most ${BODY_LIMIT} bytes.`)
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const answered = await fetch(url, {
    method,
    headers,
    redirect: 'error',
    signal: gone.signal,
    ...(body !== undefined && { body }),
  }).catch(() => undefined)
  if (answered === undefined) return say(response, 503, 'UNAVAILABLE', 'The node does not answer.')
  response.writeHead(answered.status, {
    // Never a type that a browser would run or show: the node is not trusted with this origin.
    'content-type': /^text\/event-stream\b/.test(answered.headers.get('content-type') ?? '')
      ? 'text/event-stream'
      : 'application/json',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  if (answered.body === null) return void response.end()
  await pipeline(Readable.fromWeb(answered.body as never), response).catch(() => response.destroy())
}

function say(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' })
    .end(`${JSON.stringify({ error: { code, message } })}\n`)
}
