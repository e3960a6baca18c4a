import { type Address, type Hex, isAddressEqual, parseAbi } from 'viem'
import { namedSources } from '../../chain/oracles.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { ReadClient, SigningClient } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'

const SOURCE_ABI = parseAbi(['function pyth() view returns (address)', 'function id() view returns (bytes32)'])
const PYTH_ABI = parseAbi([
  'function getUpdateFee(bytes[] updateData) view returns (uint256 feeAmount)',
  'function updatePriceFeeds(bytes[] updateData) payable',
])

/** Milliseconds that the service of updates gets. */
const PATIENCE = 5_000
/** An update of some prices has some kilobytes. */
const BYTES_MOST = 1 << 20
/** The most that one update may cost, in wei: Pyth asks for a few. */
const FEE_MOST = 10n ** 15n

/** A price of Pyth that a source of the oracles reads. */
interface PythPrice {
  readonly pyth: Address
  readonly id: Hex
}

/**
 * Brings the prices that sources of Pyth read to the chain: without that they are too old for every round. An update comes
 * from a service with the interface of Pyth's Hermes and is checked by Pyth's contract.
 */
export class PythUpdates {
  readonly #signer: SigningClient
  readonly #service: string
  readonly #oracles: Address

  /** @param service URL of the service, without the path */
  constructor(signer: SigningClient, service: string, oracles: Address) {
    this.#signer = signer
    this.#service = service.replace(/\/+$/, '')
    this.#oracles = oracles
  }

  /**
   * Brings the latest updates of all prices that the oracles read, and returns the gas it took.
   * @throws PlimsollError when the service gives none, asks too much, or Pyth refuses them: a round can go without
   */
  async bring(): Promise<bigint> {
    let gas = 0n
    const prices = await pythPrices(this.#signer, this.#oracles)
    const contracts = [...new Set(prices.map(({ pyth }) => pyth.toLowerCase() as Address))]
    for (const address of contracts) {
      const ids = prices.filter(({ pyth }) => isAddressEqual(pyth, address)).map(({ id }) => id)
      const updates = await this.#latest([...new Set(ids)])
      const contract = { address, abi: PYTH_ABI } as const
      const { read } = this.#signer
      const value = await read.readContract({ ...contract, functionName: 'getUpdateFee', args: [updates] })
      if (value > FEE_MOST) throw new PlimsollError(`An update of Pyth's prices costs ${value} wei: that is too much.`)
      const call = { ...contract, functionName: 'updatePriceFeeds', args: [updates], value } as const
      gas += (await sendCall(this.#signer, call)).gasUsed
    }
    return gas
  }

  async #latest(ids: readonly Hex[]): Promise<Hex[]> {
    const query = [...ids.map((id) => `ids[]=${id}`), 'encoding=hex'].join('&')
    const failed = (what: string) => new PlimsollError(`The service of Pyth's updates at ${this.#service} ${what}.`)
    const signal = AbortSignal.timeout(PATIENCE)
    const response = await fetch(`${this.#service}/v2/updates/price/latest?${query}`, { signal }).catch(() => {
      throw failed('does not answer')
    })
    if (!response.ok) throw failed(`answers with status ${response.status}`)
    let text = ''
    try {
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true })
        if (text.length > BYTES_MOST) throw failed('says too much')
      }
    } catch (error) {
      throw error instanceof PlimsollError ? error : failed('breaks off')
    }
    const updates = updatesIn(text)
    if (updates === undefined) throw failed('gives no updates')
    return updates.map((update): Hex => `0x${update}`)
  }
}

/** The prices of Pyth that the sources of an oracle contract read; a source that is no adapter of Pyth's has none. */
async function pythPrices({ read }: ReadClient, oracles: Address): Promise<PythPrice[]> {
  const named = (await namedSources(read, oracles)).filter(({ disabled }) => !disabled)
  const prices = named.map(async ({ source }): Promise<PythPrice[]> => {
    const adapter = { address: source, abi: SOURCE_ABI } as const
    const pyth = await read.readContract({ ...adapter, functionName: 'pyth' }).catch(() => undefined)
    return pyth === undefined ? [] : [{ pyth, id: await read.readContract({ ...adapter, functionName: 'id' }) }]
  })
  return (await Promise.all(prices)).flat()
}

/** `binary.data` of an answer, hexadecimal without 0x. */
function updatesIn(text: string): string[] | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return undefined
  }
  const { binary } = (answer ?? {}) as { binary?: { data?: unknown } }
  const data = binary?.data
  if (!Array.isArray(data) || data.length === 0) return undefined
  return data.every((one): one is string => typeof one === 'string' && /^([0-9a-f]{2})+$/.test(one)) ? data : undefined
}
