import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Address } from 'viem'
import { readBody } from './read-body.ts'
import { isLoopbackHost, isSameOrigin } from './same-origin.ts'

/** Facts that the page has to know of whoever serves it. */
export interface PageConfig {
  /** Server of the page: the node itself, or `plimsoll web`. */
  readonly served: 'node' | 'web'
  readonly chainId: number
  readonly settlement: Address
  /** Sizes of its circuits. */
  readonly profile: 'tiny' | 'small' | 'large'
  /** Whether the chain is a development chain, whose own accounts may act. */
  readonly local: boolean
  /** Whether this is the operator's own listener. */
  readonly operator: boolean
  /** Whether there is a report of the risk laboratory at /report.html. */
  readonly report: boolean
}

/** Files that a page loads besides its own, by their path: keys of circuits, and what computes an exit's witness. */
export type PageFiles = () => Promise<Readonly<Record<string, string | Uint8Array>>>

export interface PageParts {
  /** Directory of the built page, once it is built. */
  readonly directory: Promise<string>
  readonly config: PageConfig
  readonly files: PageFiles
  /** The laboratory's report, a file; undefined where there is none. */
  readonly report?: string | undefined
  /** Answers one JSON-RPC request of the page to the chain. */
  readonly rpc: (body: string) => Promise<string>
}

/** No script but the page's own files, WebAssembly, and nothing from or to anywhere else. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; font-src 'self'; " +
  "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
/** The laboratory's report brings its own styles, and needs no script at all. */
const REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
}
/** The longest question to the chain that is read. */
const RPC_LIMIT = 256 * 1024

interface Asset {
  readonly body: Buffer
  readonly brotli: Buffer | undefined
  readonly gzip: Buffer | undefined
}

/** The page's own files, what it loads later, and its way to the chain: all at one origin. */
export class Page {
  readonly #parts: PageParts
  #assets: Promise<ReadonlyMap<string, Asset>> | undefined
  #files: Promise<Readonly<Record<string, string | Uint8Array>>> | undefined

  constructor(parts: PageParts) {
    this.#parts = parts
  }

  /** Answers what is the page's; false where the path is not. */
  async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    if (path === '/rpc') {
      await this.#rpc(request, response)
      return true
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    if (path === '/config.json') {
      send(response, 200, '.json', Buffer.from(`${JSON.stringify(this.#parts.config)}\n`), 'no-store')
      return true
    }
    if (path === '/report.html' && this.#parts.report !== undefined) {
      await sendReport(response, this.#parts.report)
      return true
    }
    if (path.startsWith('/files/')) return this.#file(response, path.slice('/files/'.length))
    if (path !== '/' && !path.startsWith('/assets/')) return false
    return this.#asset(request, response, path === '/' ? '/index.html' : path)
  }

  async #asset(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    const asset = (await this.#loaded()).get(path)
    if (asset === undefined) return false
    const accepted = request.headers['accept-encoding'] ?? ''
    const [encoding, body] =
      asset.brotli !== undefined && /\bbr\b/.test(accepted)
        ? ['br', asset.brotli]
        : asset.gzip !== undefined && /\bgzip\b/.test(accepted)
          ? ['gzip', asset.gzip]
          : [undefined, asset.body]
    // The names of assets change with what is in them.
    const keep = path === '/index.html' ? 'no-cache' : 'public, max-age=31536000, immutable'
    send(response, 200, extname(path), request.method === 'HEAD' ? Buffer.alloc(0) : body, keep, encoding)
    return true
  }

  async #file(response: ServerResponse, name: string): Promise<boolean> {
    this.#files ??= this.#parts.files()
    this.#files.catch(() => {
      this.#files = undefined
    })
    const files = await this.#files
    const file = Object.hasOwn(files, name) ? files[name] : undefined
    if (file === undefined) return false
    if (typeof file !== 'string') {
      send(response, 200, extname(name), Buffer.from(file), 'no-cache')
      return true
    }
    const { size } = await stat(file)
    response.writeHead(200, { ...headers(extname(name), 'no-cache'), 'content-length': size })
    await pipeline(createReadStream(file), response).catch(() => response.destroy())
    return true
  }

  /** A page of another origin must not act through the node's endpoint, nor a name that somebody has point here. */
  async #rpc(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = (status: number, message: string) =>
      send(response, status, '.json', Buffer.from(rpcError(message)), 'no-store')
    if (request.method !== 'POST') return refuse(405, 'The chain is asked by POST.')
    if (!isLoopbackHost(request) || !isSameOrigin(request))
      return refuse(403, 'Only the page of this address may ask the chain here.')
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
      return refuse(415, 'A question to the chain is JSON.')
    const question = await readBody(request, RPC_LIMIT)
    if (question === undefined) {
      response.shouldKeepAlive = false
      return refuse(413, `A question to the chain has ${RPC_LIMIT} bytes at the most.`)
    }
    const answer = await this.#parts.rpc(question.toString('utf8'))
    send(response, 200, '.json', Buffer.from(answer), 'no-store')
  }

  #loaded(): Promise<ReadonlyMap<string, Asset>> {
    this.#assets ??= this.#parts.directory.then(load)
    this.#assets.catch(() => {
      this.#assets = undefined
    })
    return this.#assets
  }
}

export function rpcError(message: string, id: unknown = null, more: { code?: number; data?: unknown } = {}): string {
  const { code = -32_000, data } = more
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } })
}

/** All files of a built page by their path, with their compressed forms. */
async function load(directory: string): Promise<ReadonlyMap<string, Asset>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const known = new Set(paths)
  const read = (path: string) => (known.has(path) ? readFile(path) : undefined)
  const assets = await Promise.all(
    paths
      .filter((path) => !/\.(br|gz)$/.test(path))
      .map(async (path): Promise<[string, Asset]> => {
        const name = `/${relative(directory, path).split(sep).join('/')}`
        return [name, { body: await readFile(path), brotli: await read(`${path}.br`), gzip: await read(`${path}.gz`) }]
      }),
  )
  return new Map(assets)
}

function headers(extension: string, cache: string): Record<string, string> {
  return {
    'content-type': TYPES[extension] ?? 'application/octet-stream',
    'cache-control': cache,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    ...(extension === '.html' && {
      'content-security-policy': PAGE_POLICY,
      'cross-origin-opener-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=()',
    }),
    // A worker has the policy of its own file.
    ...(extension === '.js' && { 'content-security-policy': PAGE_POLICY }),
  }
}

function send(
  response: ServerResponse,
  status: number,
  extension: string,
  body: Buffer,
  cache: string,
  encoding?: string,
): void {
  response
    .writeHead(status, {
      ...headers(extension, cache),
      ...(encoding !== undefined && { 'content-encoding': encoding }),
      vary: 'accept-encoding',
    })
    .end(body)
}

/** Sends the laboratory's report, which is somebody's file: without scripts, in an origin of its own. */
async function sendReport(response: ServerResponse, path: string): Promise<void> {
  const body = await readFile(path)
  response
    .writeHead(200, {
      ...headers('.txt', 'no-cache'),
      'content-type': TYPES['.html']!,
      'content-security-policy': REPORT_POLICY,
    })
    .end(body)
}
