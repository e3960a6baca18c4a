import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { keccak256 } from 'viem'
import { ChainFailure, chainFailureIn, OutcomeUnknown } from '../../sdk/chain/chain-failure.ts'
import { connect } from '../../sdk/chain/client.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { ChainEndpoint } from '../../sdk/chain/endpoint.ts'
import { endpointAddress } from '../../sdk/chain/endpoint-name.ts'
import { pin } from '../../sdk/chain/pinned.ts'

interface Question {
  readonly id: number
  readonly method: string
  readonly params: any[]
}

type Answer = { result?: unknown; error?: unknown } | ((response: ServerResponse, incoming: IncomingMessage) => void)

/** An endpoint that is made up: what it answers is a function of what it is asked, and of how often. */
interface MadeUp {
  readonly url: string
  readonly asked: Question[]
  readonly headers: IncomingMessage['headers'][]
  answers: (question: Question, times: number) => Answer
  close(): void
}

const HASH = (n: number) => `0x${n.toString(16).padStart(64, '0')}`
const ADDRESS = `0x${'ab'.repeat(20)}`
const hex = (n: number) => `0x${n.toString(16)}`
const BALANCE = { method: 'eth_getBalance', params: [ADDRESS, 'latest'] }
const count = async (made: MadeUp) => made.asked.length

function block(number: number, fork = 0) {
  return {
    number: hex(number),
    hash: HASH(number + fork),
    parentHash: HASH(number - 1),
    timestamp: hex(1_000 + number),
    baseFeePerGas: '0x1',
    logsBloom: `0x${'00'.repeat(256)}`,
    transactions: [],
  }
}

function log(number: number, logIndex = 0, more: object = {}) {
  return {
    address: ADDRESS,
    topics: [HASH(7)],
    data: '0x',
    blockNumber: hex(number),
    blockHash: HASH(number),
    transactionHash: HASH(number * 100),
    transactionIndex: '0x0',
    logIndex: hex(logIndex),
    removed: false,
    ...more,
  }
}

/** A chain of 100 blocks with an event in each. */
function soundly({ method, params }: Question, head = 100): { result?: unknown; error?: unknown } {
  switch (method) {
    case 'eth_chainId':
      return { result: '0x7a69' }
    case 'eth_blockNumber':
      return { result: hex(head) }
    case 'eth_getBlockByNumber': {
      const number = params[0] === 'latest' ? head : Number(params[0])
      return { result: number > head ? null : block(number) }
    }
    case 'eth_getTransactionCount':
      return { result: params[1] === 'pending' ? '0x3' : '0x5' }
    case 'eth_getBalance':
      return { result: '0x64' }
    case 'eth_getLogs': {
      const [from, to] = [Number(params[0].fromBlock), Math.min(Number(params[0].toBlock), head)]
      return { result: Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => log(from + i)) }
    }
    default:
      return { error: { code: -32601, message: `the method ${method} does not exist` } }
  }
}

const sound: MadeUp['answers'] = (question) => soundly(question)

describe('an endpoint', () => {
  const open: MadeUp[] = []
  async function madeUp(answers: MadeUp['answers']): Promise<MadeUp> {
    const server = createServer(async (incoming, response) => {
      const question = (await json(incoming)) as Question
      made.asked.push(question)
      made.headers.push(incoming.headers)
      const answer = made.answers(question, made.asked.filter(({ method }) => method === question.method).length)
      if (typeof answer === 'function') return answer(response, incoming)
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: question.id, ...answer }))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const made: MadeUp = {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      asked: [],
      headers: [],
      answers,
      close: () => {
        server.close()
        server.closeAllConnections()
      },
    }
    open.push(made)
    return made
  }
  afterEach(() => {
    for (const made of open.splice(0)) made.close()
  })

  /** The failure of a question, which must be one line that names the endpoint. */
  async function failure(endpoint: ChainEndpoint, made: MadeUp, method: string, params: unknown[] = []) {
    try {
      const answer = await endpoint.request({ method, params })
      assert.fail(`it answered ${JSON.stringify(answer)}`)
    } catch (error) {
      assert.ok(error instanceof ChainFailure, String(error))
      assert.ok(error.message.includes(made.url), error.message)
      assert.ok(error.message.includes(method), error.message)
      assert.ok(!/[\r\n]/.test(error.message))
      assert.ok(!error.publicly.includes(made.url))
      return error.message
    }
  }
  const impatient = { patience: 300, limitedPatience: 300 }

  it('is called by its scheme and host alone', () => {
    const cases: [string, string][] = [
      ['http://127.0.0.1:8545', 'http://127.0.0.1:8545'],
      ['http://127.0.0.1:8545/', 'http://127.0.0.1:8545'],
      ['https://user:secret@host.example/', 'https://host.example'],
      ['https://mainnet.example/v3/0123456789abcdef', 'https://mainnet.example/…'],
      ['https://mainnet.example/?apikey=secret', 'https://mainnet.example/…'],
    ]
    for (const [url, name] of cases) assert.equal(endpointAddress(url).name, name)
    for (const url of ['ws://user:secret@host.example/key', 'user:secret@host.example/key', '', 'secret@host']) {
      assert.throws(
        () => endpointAddress(url),
        (error: Error) => {
          assert.match(error.message, /^--rpc .*is not an http or https URL\.$/)
          assert.ok(!error.message.includes('secret') && !error.message.includes('key'), error.message)
          return true
        },
      )
    }
  })

  it('gets a user and a password as a header', async () => {
    const made = await madeUp(sound)
    const client = await connect(made.url.replace('http://', 'http://user:pass%20word@'))
    assert.equal(made.headers[0]!.authorization, `Basic ${btoa('user:pass word')}`)
    assert.equal(client.url, made.url)
  })

  it('is not believed whatever it answers that cannot be an answer, and says so in one line', async () => {
    const cases: [string, unknown[], Answer, RegExp][] = [
      ['eth_getTransactionCount', [ADDRESS, 'latest'], { result: null }, /null in place of a quantity/],
      ['eth_getBalance', [ADDRESS, 'latest'], { result: '12' }, /"12" in place of a quantity/],
      ['eth_gasPrice', [], {}, /neither a result nor an error/],
      ['eth_call', [{ to: ADDRESS }, 'latest'], { result: 'hello' }, /"hello" in place of bytes/],
      ['eth_call', [{ to: ADDRESS }, 'latest'], { result: '0x123' }, /"0x123" in place of bytes/],
      ['eth_getCode', [ADDRESS, 'latest'], { result: 5 }, /5 in place of bytes/],
      ['eth_getBlockByNumber', ['latest', false], { result: null }, /null in place of a block/],
      ['eth_getBlockByNumber', ['latest', false], { result: { number: '0x1' } }, /a block with a hash/],
      ['eth_getBlockByNumber', ['0x5', false], { result: block(6) }, /block 6 instead/],
      ['eth_getTransactionReceipt', [HASH(1)], { result: { transactionHash: HASH(2) } }, /a receipt of another hash/],
      ['eth_getTransactionReceipt', [HASH(1)], { result: [] }, /in place of a receipt/],
      ['eth_getTransactionByHash', [HASH(1)], { result: { hash: HASH(2) } }, /a transaction of another hash/],
      ['eth_getLogs', [{ fromBlock: '0x1', toBlock: '0x1' }], { result: {} }, /in place of a list of logs/],
      ['eth_getLogs', [{ fromBlock: '0x1', toBlock: '0x1' }], { result: [log(2)] }, /block 2, which was not asked for/],
      [
        'eth_getLogs',
        [{ address: HASH(1).slice(0, 42), fromBlock: '0x1', toBlock: '0x1' }],
        { result: [log(1)] },
        /not asked for/,
      ],
      ['eth_getLogs', [{ topics: [HASH(8)], fromBlock: '0x1', toBlock: '0x1' }], { result: [log(1)] }, /another event/],
      [
        'eth_getLogs',
        [{ fromBlock: '0x1', toBlock: '0x1' }],
        { result: [log(1), log(1, 0, { data: '0x01' })] },
        /two logs 0/,
      ],
      [
        'eth_getLogs',
        [{ fromBlock: '0x1', toBlock: '0x1' }],
        { result: [log(1), log(1, 1, { blockHash: HASH(9) })] },
        /two blocks/,
      ],
      [
        'eth_getLogs',
        [{ fromBlock: '0x1', toBlock: '0x1' }],
        { result: [log(1, 0, { topics: ['0x'] })] },
        /a log with topics/,
      ],
      ['eth_chainId', [], (response) => response.writeHead(200).end('{}'), /another question|neither/],
      [
        'eth_chainId',
        [],
        (response) => response.writeHead(200).end('<title>Welcome</title>'),
        /HTML, status 200: Welcome/,
      ],
      ['eth_chainId', [], (response) => response.writeHead(200).end(), /nothing, status 200/],
      ['eth_chainId', [], (response) => response.writeHead(200).end('{"jsonrpc":"2.0","id":'), /no JSON-RPC answer/],
      [
        'eth_chainId',
        [],
        (response) => response.writeHead(403).end('<title>Forbidden</title>'),
        /status 403 Forbidden: Forbidden/,
      ],
      [
        'eth_chainId',
        [],
        (response) => response.writeHead(502).end('bad gateway'),
        /status 502 Bad Gateway: bad gateway/,
      ],
      [
        'eth_chainId',
        [],
        (response) => response.writeHead(429).end('slow down'),
        /status 429 Too Many Requests: slow down/,
      ],
      ['eth_chainId', [], (response) => response.destroy(), /other side closed|ECONNRESET|UND_ERR_SOCKET/],
      ['eth_chainId', [], { error: { code: -32000, message: 'header not found' } }, /: header not found\.$/],
      ['eth_chainId', [], { error: 'no\nmore\ncredits' }, /no more credits/],
      ['eth_chainId', [], { error: { message: '' } }, /\{"message":""\}/],
    ]
    for (const [method, params, answer, words] of cases) {
      const made = await madeUp((question) => (question.method === method ? answer : soundly(question)))
      const message = await failure(new ChainEndpoint(made.url, impatient), made, method, params)
      assert.match(message, words)
    }
  })

  it('is asked again where it stumbles, and not where that is no use', async () => {
    const made = await madeUp((question, times) =>
      times < 4
        ? [
            (r: ServerResponse) => void r.destroy(),
            (r: ServerResponse) => void r.writeHead(503).end(),
            { result: null },
          ][times - 1]!
        : soundly(question),
    )
    assert.equal(await new ChainEndpoint(made.url).request(BALANCE), '0x64')
    assert.equal(made.asked.length, 4)
    made.answers = () => ({ error: { code: -32601, message: 'the method does not exist' } })
    await failure(new ChainEndpoint(made.url), made, 'eth_foo')
    assert.equal(made.asked.length, 5)
  })

  it('is given the time that it asks for', async () => {
    for (const after of [() => '1', () => new Date(Date.now() + 2_000).toUTCString()]) {
      const header = after()
      const made = await madeUp((question, times) =>
        times === 1 ? (response) => response.writeHead(429, { 'retry-after': header }).end() : soundly(question),
      )
      const started = performance.now()
      await new ChainEndpoint(made.url).request(BALANCE)
      assert.ok(performance.now() - started > 900, header)
      assert.equal(await count(made), 2)
    }
  })

  it('is not waited for without end', async () => {
    const made = await madeUp(() => () => {})
    const endpoint = new ChainEndpoint(made.url, { patience: 100 })
    const started = performance.now()
    assert.match(await failure(endpoint, made, 'eth_getBalance', BALANCE.params), /no answer within 5 s/)
    assert.ok(performance.now() - started < 8_000)
    const stopped = endpoint.request(BALANCE)
    setTimeout(() => endpoint.stop(), 50)
    const before = performance.now()
    await assert.rejects(stopped, { name: 'PlimsollError', message: /the process is ending/ })
    await assert.rejects(endpoint.request(BALANCE), { name: 'PlimsollError' })
    assert.ok(performance.now() - before < 1_000)
  })

  it('counts the transactions of a sender that are mined, where its pool knows fewer', async () => {
    const made = await madeUp(sound)
    const endpoint = new ChainEndpoint(made.url)
    assert.equal(await endpoint.request({ method: 'eth_getTransactionCount', params: [ADDRESS, 'pending'] }), '0x5')
  })

  it('has its reverts told from its own errors, whatever their numbers', async () => {
    const answers: Record<string, unknown> = { error: undefined }
    const made = await madeUp((question) => (question.method === 'eth_call' ? (answers as Answer) : soundly(question)))
    const { read } = await connect(made.url, impatient)
    const call = () =>
      read
        .readContract({
          address: ADDRESS as `0x${string}`,
          abi: [{ type: 'function', name: 'f', inputs: [], outputs: [], stateMutability: 'view' }],
          functionName: 'f',
        })
        .then(
          () => assert.fail(),
          (error: unknown) => refusal(error, 'f'),
        )
    const frozen = '0x911f9b67'
    for (const error of [
      { code: 3, message: 'execution reverted', data: '0x08c379a0' },
      { code: -32603, message: 'VM Exception', data: { data: '0x', message: 'reverted' } },
      { code: -32000, message: 'execution reverted' },
      { code: -32015, message: 'VM execution error.', data: `Reverted ${frozen}` },
    ]) {
      answers.error = error
      const said = await call()
      assert.equal(chainFailureIn(said), undefined, said.message)
      assert.match(said.message, /^The contract refused f/)
    }
    for (const error of [
      { code: -32603, message: 'Internal error' },
      { code: -32000, message: 'header not found' },
      { code: -32005, message: 'daily request count exceeded, request rate limited' },
      { code: 3, message: 'no backend is available' },
    ].slice(0, 3)) {
      answers.error = error
      const said = await call()
      assert.ok(chainFailureIn(said), said.message)
      assert.ok(said.message.includes(error.message), said.message)
    }
    answers.error = undefined
    answers.result = '0x'
  })

  it('is asked for logs in ranges that it serves, whatever its words, and remembers them', async () => {
    const limits: [string, (blocks: number, logs: number) => Answer | undefined][] = [
      [
        '2,000 blocks',
        (blocks) =>
          blocks > 20 ? { error: { code: -32602, message: 'eth_getLogs is limited to a 20 block range' } } : undefined,
      ],
      ['no words', (blocks) => (blocks > 7 ? { error: { code: -32000, message: 'nope' } } : undefined)],
      [
        'results',
        (_, logs) =>
          logs > 13 ? { error: { code: -32005, message: 'query returned more than 13 results' } } : undefined,
      ],
      [
        'a suggestion',
        (blocks) =>
          blocks > 9
            ? {
                error: {
                  code: -32602,
                  message: 'Log response size exceeded. this block range should work: [0x1, 0x9]',
                },
              }
            : undefined,
      ],
      ['status 413', (blocks) => (blocks > 11 ? (response) => response.writeHead(413).end() : undefined)],
      [
        'status 400',
        (blocks) => (blocks > 11 ? (response) => response.writeHead(400).end('range too wide') : undefined),
      ],
      [
        'a body cut off',
        (blocks) =>
          blocks > 30 ? (response) => response.writeHead(200).end('{"jsonrpc":"2.0","id":1,"result":[{') : undefined,
      ],
      ['one block at a time', (blocks) => (blocks > 1 ? { error: { code: -32000, message: 'too wide' } } : undefined)],
    ]
    for (const [name, limit] of limits) {
      const made = await madeUp((question) => {
        if (question.method !== 'eth_getLogs') return soundly(question)
        const { result } = soundly(question) as { result: unknown[] }
        const { fromBlock, toBlock } = question.params[0]
        return limit(Number(toBlock) - Number(fromBlock) + 1, result.length) ?? { result }
      })
      const endpoint = new ChainEndpoint(made.url)
      const question = { method: 'eth_getLogs', params: [{ address: ADDRESS, fromBlock: '0x1', toBlock: '0x64' }] }
      const logs = (await endpoint.request(question)) as { blockNumber: string }[]
      assert.deepEqual(
        logs.map(({ blockNumber }) => Number(blockNumber)),
        Array.from({ length: 100 }, (_, i) => i + 1),
        name,
      )
      const first = made.asked.length
      await endpoint.request(question)
      assert.ok(
        made.asked.length - first <= Math.max(first, 101),
        `${name}: ${first}, then ${made.asked.length - first}`,
      )
    }
  })

  it('has its logs put in order, each once', async () => {
    const made = await madeUp((question) =>
      question.method === 'eth_getLogs'
        ? { result: [log(3, 1, { transactionIndex: '0x1' }), log(2), log(3, 0), log(2), log(1)] }
        : soundly(question),
    )
    const logs = await new ChainEndpoint(made.url).request({
      method: 'eth_getLogs',
      params: [{ fromBlock: '0x1', toBlock: '0x5' }],
    })
    assert.deepEqual(
      (logs as any[]).map(({ blockNumber, logIndex }) => [Number(blockNumber), Number(logIndex)]),
      [
        [1, 0],
        [2, 0],
        [3, 0],
        [3, 1],
      ],
    )
  })

  it('is asked for logs of blocks only that it has', async () => {
    let head = 90
    const made = await madeUp((question) => soundly(question, head))
    const endpoint = new ChainEndpoint(made.url)
    setTimeout(() => (head = 100), 300)
    const logs = await endpoint.request({ method: 'eth_getLogs', params: [{ fromBlock: '0x60', toBlock: '0x64' }] })
    assert.equal((logs as unknown[]).length, 5)
    const never = await madeUp((question) => soundly(question, 90))
    const message = await failure(new ChainEndpoint(never.url, impatient), never, 'eth_getLogs', [
      { fromBlock: '0x60', toBlock: '0x64' },
    ])
    assert.match(message, /eth_getLogs of blocks 96 to 100: .*its latest block is 90/)
  })

  it('answers everything at one block where it is pinned, and says so where that block was replaced', async () => {
    let fork = 0
    const made = await madeUp((question) => {
      if (question.method === 'eth_getBlockByNumber')
        return { result: block(question.params[0] === 'latest' ? 100 : Number(question.params[0]), fork) }
      if (question.method === 'eth_call') return { result: '0x' }
      return soundly(question)
    })
    const client = await connect(made.url)
    const view = await pin(client)
    assert.deepEqual(view.block, { number: 100n, hash: HASH(100), timestamp: 1_100n })
    made.answers = (
      (answers) => (question, times) =>
        answers(question, times)
    )(made.answers)
    assert.equal(await view.read.getBlockNumber(), 100n)
    await view.read.getBlock()
    await view.read.getBalance({ address: ADDRESS as `0x${string}` })
    await view.read.call({ to: ADDRESS as `0x${string}` })
    await view.read.getTransactionCount({ address: ADDRESS as `0x${string}` })
    await view.read.getBalance({ address: ADDRESS as `0x${string}`, blockNumber: 7n })
    const tags = made.asked
      .slice(-5)
      .map(({ params }) => params.find((param) => typeof param === 'string' && param.length < 10))
    assert.deepEqual(tags, ['0x64', '0x64', '0x64', '0x64', '0x7'])
    await view.confirm()
    fork = 1_000
    await assert.rejects(view.confirm(), {
      name: 'PlimsollError',
      message: /^Block 100 was replaced while it was read/,
    })
  })

  it('that stands for several machines is not believed at once when its head goes back', async () => {
    let heads = [100]
    const made = await madeUp((question) => {
      if (question.method !== 'eth_getBlockByNumber') return soundly(question)
      const head = heads.length > 1 ? heads.shift()! : heads[0]!
      return { result: block(head) }
    })
    const endpoint = new ChainEndpoint(made.url)
    assert.equal((await endpoint.head()).number, 100n)
    heads = [97, 98, 101]
    assert.equal((await endpoint.head()).number, 101n)
    heads = [95]
    assert.equal((await endpoint.head()).number, 95n)
  })

  it('is told about, question by question', async () => {
    const made = await madeUp((question, times) => (times === 1 ? { result: null } : soundly(question)))
    const endpoint = new ChainEndpoint(made.url)
    const seen: string[] = []
    const end = endpoint.observe(({ endpoint: name, method, outcome, milliseconds }) => {
      assert.ok(name === made.url && milliseconds >= 0)
      seen.push(`${method} ${outcome}`)
    })
    await endpoint.request(BALANCE)
    end()
    await endpoint.request(BALANCE)
    assert.deepEqual(seen, ['eth_getBalance malformed', 'eth_getBalance ok'])
  })

  describe('that is handed a signed transaction', () => {
    const RAW = `0x02f8${'11'.repeat(40)}` as const
    const SENT = keccak256(RAW)
    const send = (endpoint: ChainEndpoint) => endpoint.request({ method: 'eth_sendRawTransaction', params: [RAW] })
    const known = { hash: SENT, from: ADDRESS, to: ADDRESS, input: '0x', nonce: '0x1', blockNumber: null }
    const sends = (made: MadeUp) => made.asked.filter(({ method }) => method === 'eth_sendRawTransaction').length

    it('gets it once, though its answer is lost', async () => {
      const made = await madeUp(({ method }, times) =>
        method === 'eth_sendRawTransaction' ? (response) => response.destroy() : { result: times < 2 ? null : known },
      )
      assert.equal(await send(new ChainEndpoint(made.url)), SENT)
      assert.equal(sends(made), 1)
    })

    it('is not asked twice where it refuses, unless it says that it was asked too much', async () => {
      const made = await madeUp(({ method }) =>
        method === 'eth_sendRawTransaction'
          ? { error: { code: -32000, message: 'insufficient funds for gas' } }
          : { result: null },
      )
      await assert.rejects(send(new ChainEndpoint(made.url)), {
        name: 'PlimsollError',
        message: /did not serve eth_sendRawTransaction: .*: insufficient funds for gas\.$/,
      })
      assert.equal(sends(made), 1)
      made.answers = ({ method }, times) =>
        method === 'eth_sendRawTransaction' && times > 2
          ? { result: SENT }
          : (response) => response.writeHead(429).end()
      assert.equal(await send(new ChainEndpoint(made.url)), SENT)
    })

    it('leaves it open what became of it, with its hash', async () => {
      for (const answer of [
        (response: ServerResponse) => void response.destroy(),
        { result: HASH(5) },
        { result: null },
      ] as Answer[]) {
        const made = await madeUp(({ method }) => (method === 'eth_sendRawTransaction' ? answer : { result: null }))
        await assert.rejects(send(new ChainEndpoint(made.url)), (error: unknown) => {
          assert.ok(error instanceof OutcomeUnknown)
          assert.equal(error.hash, SENT)
          assert.match(error.message, new RegExp(`Whether the transaction ${SENT} reached the chain is not known\\.$`))
          return true
        })
        assert.equal(sends(made), 1)
      }
    })

    it('is known to have it by what it says the second time', async () => {
      for (const message of ['already known', 'nonce too low', 'AlreadyKnown']) {
        const made = await madeUp(({ method }) =>
          method === 'eth_sendRawTransaction' ? { error: { code: -32000, message } } : { result: known },
        )
        assert.equal(await send(new ChainEndpoint(made.url)), SENT)
      }
    })
  })

  describe('of several', () => {
    it('answers where another does not, and the other is left alone for a while', async () => {
      const dead = await madeUp(() => (response) => response.destroy())
      const alive = await madeUp(sound)
      const endpoint = new ChainEndpoint([dead.url, alive.url])
      for (let i = 0; i < 20; i++) assert.equal(await endpoint.request(BALANCE), '0x64')
      assert.ok(dead.asked.length < 5, `${dead.asked.length}`)
      alive.answers = dead.answers
      await assert.rejects(
        new ChainEndpoint([dead.url, alive.url], impatient).request(BALANCE),
        (error: Error) => error.message.includes(dead.url) && error.message.includes(alive.url),
      )
    })

    it('must serve the same chain', async () => {
      const made = await madeUp(sound)
      const other = await madeUp((question) =>
        question.method === 'eth_chainId' ? { result: '0x1' } : soundly(question),
      )
      await assert.rejects(connect([made.url, other.url]), {
        name: 'PlimsollError',
        message: `The endpoints serve different chains: ${other.url} is chain 1, not 31337.`,
      })
      // One that was down and comes back as another is not asked.
      let up = false
      other.answers = (question) =>
        up
          ? question.method === 'eth_chainId'
            ? { result: '0x1' }
            : { result: '0x1' }
          : (response) => response.destroy()
      const { endpoint } = await connect([other.url, made.url])
      up = true
      await sleep(300)
      for (let i = 0; i < 5; i++) assert.equal(await endpoint.request(BALANCE), '0x64')
    })

    it('is not read from while it lags, and the block is one that all others have', async () => {
      const late = await madeUp((question) => soundly(question, 60))
      const one = await madeUp((question) => soundly(question, 100))
      const two = await madeUp((question) => soundly(question, 99))
      const client = await connect([late.url, one.url, two.url])
      const view = await pin(client)
      assert.equal(view.block.number, 99n)
      const before = late.asked.length
      for (let i = 0; i < 3; i++) await view.read.getBalance({ address: ADDRESS as `0x${string}` })
      assert.equal(late.asked.length, before)
    })

    it('makes no block where it contradicts the only other', async () => {
      const one = await madeUp(sound)
      const two = await madeUp((question) =>
        question.method === 'eth_getBlockByNumber' ? { result: block(100, 5_000) } : soundly(question),
      )
      const client = await connect([one.url, two.url])
      await assert.rejects(pin(client), { name: 'PlimsollError', message: /^The endpoints do not agree on block 100/ })
      const three = await madeUp(sound)
      const { block: agreed } = await pin(await connect([two.url, one.url, three.url]))
      assert.equal(agreed.hash, HASH(100))
    })
  })
})
