import type { ContractFunctionReturnType } from 'viem'
import type { Auction } from '../protocol/auction.ts'
import type { MARKET_ABI } from '../sdk/abi/market.ts'

type Stored = ContractFunctionReturnType<typeof MARKET_ABI, 'view', 'auction'>

const NO_CAP = (1n << 256n) - 1n

/** An asset's auction as the contract has it. Its clocks are not the machine's of a replay, but for a constant. */
export function auctionOf({ sells, lots, terms, ...words }: Stored): Auction {
  const sum = lots.reduce((sum, { units }) => sum + units, 0n)
  return {
    backstop: sells ? sum : -sum,
    lots: lots.map(({ id, units, start, since }) => ({ id: BigInt(id), units, start, since: BigInt(since) })),
    nextId: BigInt(words.nextId),
    youngestRound: BigInt(words.youngestRound),
    clock: words.clock,
    from: BigInt(words.from),
    setBack: words.setBack,
    terms:
      terms.round === 0n
        ? undefined
        : {
            ...terms,
            time: BigInt(terms.time),
            premium: BigInt(terms.premium),
            saleDuration: BigInt(terms.saleDuration),
            purchaseDuration: BigInt(terms.purchaseDuration),
            cap: terms.cap === NO_CAP ? undefined : terms.cap,
          },
    step: BigInt(words.step),
    traded: words.traded,
  }
}
