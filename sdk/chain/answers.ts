/** An answer that cannot be one to what was asked. Its message is a clause for the middle of a sentence. */
export class NotAsExpected extends Error {
  /** Whether an endpoint that is behind the others answers like this. */
  readonly behind: boolean

  constructor(words: string, behind = false) {
    super(words)
    this.behind = behind
  }
}

type Check = (result: unknown, params: readonly unknown[]) => void
type Fields = Readonly<Record<string, unknown>>

const QUANTITY = /^0x[0-9a-f]{1,64}$/i
const DATA = /^0x(?:[0-9a-f]{2})*$/i
const HASH = /^0x[0-9a-f]{64}$/i
const ADDRESS = /^0x[0-9a-f]{40}$/i
const BLOOM = /^0x[0-9a-f]{512}$/i

const quantity: Check = (result) => expect(matches(QUANTITY, result), 'a quantity', result)
const data: Check = (result) => expect(matches(DATA, result), 'bytes', result)
const hash: Check = (result) => expect(matches(HASH, result), 'a hash', result)

/** Checks of each method's answer; others may answer anything. */
const CHECKS: Readonly<Record<string, Check>> = {
  eth_chainId: quantity,
  eth_blockNumber: quantity,
  eth_getTransactionCount: quantity,
  eth_getBalance: quantity,
  eth_gasPrice: quantity,
  eth_maxPriorityFeePerGas: quantity,
  eth_estimateGas: quantity,
  eth_call: data,
  eth_getCode: data,
  eth_getStorageAt: data,
  eth_sendTransaction: hash,
  eth_sendRawTransaction: hash,
  eth_accounts: (result) =>
    expect(Array.isArray(result) && result.every((one) => matches(ADDRESS, one)), 'a list of addresses', result),
  eth_getBlockByNumber: (result, [tag]) => {
    const number = typeof tag === 'string' && QUANTITY.test(tag) ? BigInt(tag) : undefined
    if (result === null && number !== undefined) throw new NotAsExpected('it does not know that block', true)
    const block = fieldsOf(result, 'a block')
    if (tag !== 'pending') sealed(block)
    expect(matches(QUANTITY, block.timestamp), 'a block with a time', block.timestamp)
    if (number !== undefined && BigInt(block.number as string) !== number)
      throw new NotAsExpected(`it answered with block ${BigInt(block.number as string)} instead`)
  },
  eth_getBlockByHash: (result, [asked]) => {
    if (result === null) return
    const block = fieldsOf(result, 'a block')
    sealed(block)
    sameHash(block.hash, asked, 'a block')
  },
  eth_getTransactionByHash: (result, [asked]) => {
    if (result === null) return
    const transaction = fieldsOf(result, 'a transaction')
    sameHash(transaction.hash, asked, 'a transaction')
    transactionFields(transaction)
  },
  eth_getTransactionByBlockHashAndIndex: (result, [asked]) => {
    if (result === null) return
    const transaction = fieldsOf(result, 'a transaction')
    sameHash(transaction.blockHash, asked, 'a transaction')
    transactionFields(transaction)
  },
  eth_getTransactionReceipt: (result, [asked]) => {
    if (result === null) return
    const receipt = fieldsOf(result, 'a receipt')
    sameHash(receipt.transactionHash, asked, 'a receipt')
    receiptFields(receipt)
  },
  eth_getBlockReceipts: (result) => {
    if (result === null) throw new NotAsExpected('it does not know that block', true)
    expect(Array.isArray(result), 'a list of receipts', result)
    for (const receipt of result as unknown[]) receiptFields(fieldsOf(receipt, 'a receipt'))
  },
  eth_getLogs: (result, [filter]) => {
    expect(Array.isArray(result), 'a list of logs', result)
    for (const log of result as unknown[]) {
      const fields = fieldsOf(log, 'a log')
      logFields(fields)
      within(fields, filter as LogFilter)
    }
  },
  eth_feeHistory: (result) => {
    const { baseFeePerGas } = fieldsOf(result, 'a history of fees')
    expect(Array.isArray(baseFeePerGas), 'a history of fees', result)
  },
}

/** Filter of `eth_getLogs`, as far as it is looked at. */
export interface LogFilter {
  readonly address?: string | readonly string[]
  readonly topics?: readonly (string | readonly string[] | null)[]
  readonly fromBlock?: string
  readonly toBlock?: string
  readonly blockHash?: string
}

/** A log as endpoints write it, checked. */
export interface RawLog {
  readonly address: string
  readonly topics: readonly string[]
  readonly data: string
  readonly blockNumber: string
  readonly blockHash: string
  readonly transactionHash: string
  readonly transactionIndex: string
  readonly logIndex: string
}

/** The answer itself. @throws NotAsExpected when it cannot be one to the question */
export function validated(method: string, params: readonly unknown[], result: unknown): unknown {
  CHECKS[method]?.(result, params)
  return result
}

function sealed(block: Fields): void {
  expect(matches(QUANTITY, block.number), 'a block with a number', block.number)
  expect(matches(HASH, block.hash), 'a block with a hash', block.hash)
  expect(matches(HASH, block.parentHash), 'a block with the hash of its parent', block.parentHash)
  expect(matches(QUANTITY, block.timestamp), 'a block with a time', block.timestamp)
  if (block.logsBloom !== undefined) expect(matches(BLOOM, block.logsBloom), 'a block with a bloom', block.logsBloom)
}

function transactionFields({ from, to, input, nonce, blockNumber }: Fields): void {
  expect(matches(ADDRESS, from), 'a transaction with a sender', from)
  expect(to === null || to === undefined || matches(ADDRESS, to), 'a transaction with a recipient', to)
  expect(matches(DATA, input), 'a transaction with call data', input)
  expect(matches(QUANTITY, nonce), 'a transaction with a number', nonce)
  expect(
    blockNumber === null || blockNumber === undefined || matches(QUANTITY, blockNumber),
    'a transaction with a block',
    blockNumber,
  )
}

function receiptFields(receipt: Fields): void {
  const { transactionHash, blockNumber, blockHash, gasUsed, status, root, logs } = receipt
  expect(matches(HASH, transactionHash), "a receipt with its transaction's hash", transactionHash)
  expect(matches(QUANTITY, blockNumber), 'a receipt with a block', blockNumber)
  expect(matches(HASH, blockHash), "a receipt with its block's hash", blockHash)
  expect(matches(QUANTITY, gasUsed), 'a receipt with gas', gasUsed)
  expect(status === '0x0' || status === '0x1' || matches(HASH, root), 'a receipt with a status', status)
  expect(Array.isArray(logs), 'a receipt with logs', logs)
  let before = -1n
  for (const log of logs as unknown[]) {
    const fields = fieldsOf(log, 'a log')
    logFields(fields)
    sameHash(fields.transactionHash, transactionHash, 'a log')
    sameHash(fields.blockHash, blockHash, 'a log')
    // The logs of a transaction follow each other without a gap.
    const index = BigInt(fields.logIndex as string)
    if (before >= 0n && index !== before + 1n) throw new NotAsExpected('it answered with a receipt that lacks logs')
    before = index
  }
}

function logFields({ address, topics, data, blockNumber, blockHash, transactionHash, ...log }: Fields): void {
  expect(matches(ADDRESS, address), 'a log with an address', address)
  expect(Array.isArray(topics) && topics.every((topic) => matches(HASH, topic)), 'a log with topics', topics)
  expect(matches(DATA, data), 'a log with bytes', data)
  expect(matches(QUANTITY, blockNumber), 'a log with a block', blockNumber)
  expect(matches(HASH, blockHash), "a log with its block's hash", blockHash)
  expect(matches(HASH, transactionHash), "a log with its transaction's hash", transactionHash)
  expect(matches(QUANTITY, log.transactionIndex), 'a log with a place in its block', log.transactionIndex)
  expect(matches(QUANTITY, log.logIndex), 'a log with a number', log.logIndex)
  if (log.removed === true) throw new NotAsExpected('it answered with a log of a block that is no longer the chain’s')
}

/** A log must be one that was asked for. */
function within(log: Fields, { address, topics = [], fromBlock, toBlock, blockHash }: LogFilter): void {
  const number = BigInt(log.blockNumber as string)
  const numbered = (tag: string | undefined) => (tag !== undefined && QUANTITY.test(tag) ? BigInt(tag) : undefined)
  const [first, last] = [numbered(fromBlock), numbered(toBlock)]
  if ((first !== undefined && number < first) || (last !== undefined && number > last))
    throw new NotAsExpected(`it answered with a log of block ${number}, which was not asked for`)
  if (blockHash !== undefined) sameHash(log.blockHash, blockHash, 'a log')
  const lower = (value: unknown) => String(value).toLowerCase()
  const among = (wanted: string | readonly string[], value: unknown) =>
    (typeof wanted === 'string' ? [wanted] : wanted).some((one) => lower(one) === lower(value))
  if (address !== undefined && !among(address, log.address))
    throw new NotAsExpected(`it answered with a log of ${log.address}, which was not asked for`)
  for (const [i, wanted] of topics.entries()) {
    if (wanted !== null && wanted.length > 0 && !among(wanted, (log.topics as unknown[])[i]))
      throw new NotAsExpected('it answered with a log of another event than was asked for')
  }
}

function sameHash(value: unknown, asked: unknown, what: string): void {
  if (String(value).toLowerCase() !== String(asked).toLowerCase())
    throw new NotAsExpected(`it answered with ${what} of another hash than was asked for`)
}

function fieldsOf(value: unknown, what: string): Fields {
  expect(typeof value === 'object' && value !== null && !Array.isArray(value), what, value)
  return value as Fields
}

function matches(pattern: RegExp, value: unknown): boolean {
  return typeof value === 'string' && pattern.test(value)
}

function expect(condition: boolean, what: string, value: unknown): asserts condition {
  if (condition) return
  const text = JSON.stringify(value) ?? 'nothing'
  throw new NotAsExpected(`it answered with ${text.length > 60 ? `${text.slice(0, 60)}…` : text} in place of ${what}`)
}
