import { type Address, isAddressEqual, type PublicClient, parseAbiItem, zeroAddress } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { inOrder } from '../sdk/chain/in-order.ts'
import { type TokenDecimals, tokenUnitsPerUnit, unitsPerTokenUnit } from '../sdk/token-units.ts'
import type { At, EventOf } from './system-event.ts'

const TRANSFER = parseAbiItem('event Transfer(address indexed from, address indexed to, uint256 value)')

type Filled = Extract<EventOf<'market'>, { eventName: 'Filled' }>

/** A fill by somebody outside, and where in its block what was said of it ends. */
interface OutsideFill {
  readonly event: Filled
  /** Number of the log of the transaction's next fill; the end of the block where there is none. */
  end: number
}

/** A taker that its token does not know. The token's events of that block have to be made sure of, before somebody is blamed. */
export class PayerDiffers extends PlimsollError {
  readonly token: Address
  readonly block: bigint

  constructor({ transaction, block, args }: Filled, token: Address) {
    super(`Filled of transaction ${transaction}: by the events of the token ${token}, ${args.taker} has not paid it.`)
    this.token = token
    this.block = block
  }
}

/**
 * Takers of the market's fills, held against who paid: the vault takes what a fill costs from its taker between the fill's event and
 * the next fill's, and the token says from whom. A token that says nothing of what the vault got then is not asked any more.
 */
export class FillPayers {
  readonly #assets: readonly TokenDecimals[]
  readonly #fills: OutsideFill[] = []
  #last: OutsideFill | undefined

  constructor(assets: readonly TokenDecimals[]) {
    this.#assets = assets
  }

  /** The next of all fills. */
  filled(event: Filled): void {
    if (this.#last?.event.transaction === event.transaction) this.#last.end = event.logIndex
    const fill = { event, end: Number.POSITIVE_INFINITY }
    this.#last = fill
    if (event.args.taker !== zeroAddress) this.#fills.push(fill)
  }

  /** @throws PayerDiffers naming the transaction of the first fill whose taker has not paid */
  async compare(read: PublicClient, { address: vault, blockNumber }: At): Promise<void> {
    const tokens = new Map<number, Promise<Address>>()
    const tokenOf = (asset: number) => {
      const info = { address: vault, abi: VAULT_ABI, functionName: 'assetInfo', args: [asset], blockNumber } as const
      const known = tokens.get(asset) ?? read.readContract(info).then(([token]) => token)
      tokens.set(asset, known)
      return known
    }
    const paid = async ({ event, end }: OutsideFill) => {
      const { asset, sells, units, cash, taker } = event.args
      const [payment, amount] = sells ? [0, cash] : [asset, units]
      const address = await tokenOf(payment)
      const range = { fromBlock: event.block, toBlock: event.block }
      const logs = await read.getLogs({ address, event: TRANSFER, args: { to: vault }, ...range })
      const got = logs.filter(
        ({ transactionHash, logIndex }) =>
          transactionHash === event.transaction && logIndex > event.logIndex && logIndex < end,
      )
      const value = (amount * tokenUnitsPerUnit(this.#assets[payment]!)) / unitsPerTokenUnit(this.#assets[payment]!)
      const same = got.some(({ args }) => isAddressEqual(args.from!, taker) && args.value === value)
      if (got.length > 0 && !same) throw new PayerDiffers(event, address)
    }
    for await (const _ of inOrder(this.#fills, paid)) {
      // Each is checked as it comes.
    }
  }
}
