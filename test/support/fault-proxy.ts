import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** A JSON-RPC question on its way to the chain. */
export interface ProxyQuestion {
  readonly id: number
  readonly method: string
  readonly params: any[]
}

/** What the chain answered. */
export interface ProxyAnswer {
  result?: any
  error?: { code?: number; message?: string; data?: unknown }
}

/** What a rule does with a question. Whoever returns undefined has answered, or left it to the next rule. */
export interface Exchange {
  readonly question: ProxyQuestion
  /** Asks the chain, perhaps something else. */
  ask(question?: Partial<ProxyQuestion>): Promise<ProxyAnswer>
  /** Answers over HTTP, whatever it is. */
  respond(status: number, body: string, headers?: Readonly<Record<string, string>>): void
  /** Ends the connection without an answer. */
  drop(): void
  /** Whether it has been answered. */
  readonly done: boolean
}

export type Fault = (exchange: Exchange) => Promise<ProxyAnswer | undefined> | ProxyAnswer | undefined

/** A rule: what it does, to which methods, and how often. */
export interface Rule {
  readonly fault: Fault
  readonly methods?: readonly string[]
  /** Whether it concerns a question. */
  readonly when?: (question: ProxyQuestion) => boolean
  /** How often it acts; without end where it is not given. */
  times?: number
}

/** A loopback proxy between product and chain that falsifies, delays and loses what passes. */
export interface FaultProxy {
  readonly url: string
  readonly rules: Rule[]
  /** Every question that came, in order. */
  readonly asked: ProxyQuestion[]
  /** How many questions rules have acted on. */
  hits: number
  /** Puts a rule in front of others; the function returned takes it away. */
  add(rule: Rule): () => void
  /** Takes every rule away. */
  clear(): void
  /** Stops listening, as an endpoint that is down. */
  down(): Promise<void>
  /** Listens again at the same port. */
  up(): Promise<void>
  close(): Promise<void>
}

export async function startFaultProxy(chain: string): Promise<FaultProxy> {
  const pending = new Set<ServerResponse>()
  const server = createServer(async (incoming, response) => {
    pending.add(response)
    response.once('close', () => pending.delete(response))
    const question = JSON.parse(await text(incoming)) as ProxyQuestion
    proxy.asked.push(question)
    const respond: Exchange['respond'] = (status, body, headers = {}) => {
      exchange.done = true
      if (!response.destroyed) response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
    }
    const answer = (content: ProxyAnswer) =>
      respond(200, JSON.stringify({ jsonrpc: '2.0', id: question.id, ...content }))
    const exchange = {
      question,
      done: false,
      ask: async (other: Partial<ProxyQuestion> = {}) => {
        const { method, params } = { ...question, ...other }
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
        const reply = await fetch(chain, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
        const { result, error } = (await reply.json()) as ProxyAnswer
        return error === undefined ? { result } : { error }
      },
      respond,
      drop: () => {
        exchange.done = true
        response.destroy()
      },
    }
    try {
      for (const rule of [...proxy.rules]) {
        if (rule.times === 0 || (rule.methods !== undefined && !rule.methods.includes(question.method))) continue
        if (rule.when !== undefined && !rule.when(question)) continue
        if (rule.times !== undefined) rule.times--
        proxy.hits++
        const content = await rule.fault(exchange)
        if (content !== undefined) return answer(content)
        if (exchange.done) return
      }
      answer(await exchange.ask())
    } catch {
      response.destroy()
    }
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  const down = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${port}`,
    rules: [],
    asked: [],
    hits: 0,
    add: (rule) => {
      proxy.rules.unshift(rule)
      return () => {
        const place = proxy.rules.indexOf(rule)
        if (place >= 0) proxy.rules.splice(place, 1)
      }
    },
    clear: () => {
      proxy.rules.length = 0
    },
    down,
    up: () => listen(port),
    close: async () => {
      for (const response of pending) response.destroy()
      await down()
    },
  }
  return proxy
}

/** A page of HTML with a status. */
export function page(status: number, title = 'Maintenance'): Fault {
  return ({ respond }) =>
    void respond(status, `<html><head><title>${title}</title></head><body>...</body></html>`, {
      'content-type': 'text/html',
    })
}

/** A status with a body. */
export function status(code: number, body = '', headers: Readonly<Record<string, string>> = {}): Fault {
  return ({ respond }) => void respond(code, body, headers)
}

/** An answer of any content, as JSON. */
export function body(content: unknown): Fault {
  return ({ respond }) => void respond(200, JSON.stringify(content))
}

/** A result, whatever the chain would say. */
export function result(value: unknown): Fault {
  return () => ({ result: value })
}

/** An error in the words of a provider. */
export function error(message: string, code = -32000, data?: unknown): Fault {
  return () => ({ error: { code, message, ...(data !== undefined && { data }) } })
}

/** What the chain answers, changed. */
export function altered(change: (result: any, question: ProxyQuestion) => unknown): Fault {
  return async ({ ask, question }) => {
    const answer = await ask()
    return answer.error === undefined ? { result: change(structuredClone(answer.result), question) } : answer
  }
}

/** The chain is asked, and its answer is lost. */
export const lostAnswer: Fault = async ({ ask, drop }) => {
  await ask()
  drop()
  return undefined
}

/** The connection ends, and nothing arrives. */
export const dropped: Fault = ({ drop }) => {
  drop()
  return undefined
}

/** No answer, and the connection stays. */
export const silent: Fault = ({ question: _ }) => new Promise(() => {})

/** The answer comes late. */
export function late(milliseconds: number): Fault {
  return async ({ ask }) => {
    await sleep(milliseconds)
    return ask()
  }
}

/** Some of the questions are dropped, at random but the same each time. */
export function droppedShare(share: number, seed = 1): Fault {
  let state = seed
  return ({ drop }) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    if (state / 0x7fffffff < share) drop()
    return undefined
  }
}

/** A call made on the state of a block before the one that was asked for. */
export const oneBlockLate: Fault = async ({ ask, question: { params } }) => {
  const head = (await ask({ method: 'eth_blockNumber', params: [] })).result as string
  const asked = /^0x/.test(params[1] ?? '') ? params[1] : head
  return ask({ params: [params[0], `0x${(Number(asked) - 1).toString(16)}`] })
}

/** Reads as the chain was some blocks ago. */
export function behind(blocks: number): Fault {
  return async ({ ask, question }) => {
    const { method, params } = question
    const head = Number((await ask({ method: 'eth_blockNumber', params: [] })).result)
    const old = `0x${Math.max(0, head - blocks).toString(16)}`
    if (method === 'eth_blockNumber') return { result: old }
    const place = {
      eth_call: 1,
      eth_getBlockByNumber: 0,
      eth_getTransactionCount: 1,
      eth_getCode: 1,
      eth_getBalance: 1,
    }[method]
    if (place === undefined) return undefined
    const tag = params[place]
    if (typeof tag === 'string' && tag.startsWith('0x') && BigInt(tag) > BigInt(old))
      return method === 'eth_getBlockByNumber'
        ? { result: null }
        : { error: { code: -32000, message: 'header not found' } }
    if (tag !== undefined && tag !== 'latest') return undefined
    const moved = [...params]
    moved[place] = old
    return ask({ params: moved })
  }
}

/** Leaves some logs out of every answer. */
export function without(logs: readonly { blockNumber: string; logIndex: string }[]): Rule {
  const keys = new Set(logs.map(({ blockNumber, logIndex }) => `${blockNumber} ${logIndex}`))
  return {
    methods: ['eth_getLogs'],
    fault: altered((list: any[]) =>
      list.filter(({ blockNumber, logIndex }) => !keys.has(`${blockNumber} ${logIndex}`)),
    ),
  }
}
