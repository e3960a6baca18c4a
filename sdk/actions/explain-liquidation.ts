import type { Address } from 'viem'
import { SCALE } from '../../protocol/constants.ts'
import { formatRatioDown } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { health } from '../../protocol/health.ts'
import { abs } from '../../protocol/integer.ts'
import { marksOfRows } from '../../protocol/marks.ts'
import { coverage } from '../../protocol/what-if.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import type { RecoveredAccount } from '../chain/account-history.ts'
import { chainAsset } from '../chain/assets.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { refusal } from '../chain/contract-errors.ts'
import { LotFills } from '../chain/lot-fills.ts'
import { discountOf } from '../chain/lot-offers.ts'
import { systemContracts } from '../chain/system-contracts.ts'

export interface ExplainLiquidationParameters {
  readonly settlement: Address
  /** The account with its history: see `recover`. */
  readonly recovered: RecoveredAccount
  /** The version that the liquidation wrote. */
  readonly version: number
}

export interface LiquidationExplained {
  readonly round: number
  /** Health before, in whole units of cash, rounded down; below 0. */
  readonly health: string
  /** Collateral over liabilities before, each at maintenance value; null where nothing was owed. */
  readonly ratio: string | null
  /** Whether no position but cash was left. */
  readonly closed: boolean
  /** Trades of the liquidation: base units, and the price of the round as a mark. */
  readonly trades: readonly {
    readonly asset: number
    readonly sold: boolean
    readonly units: bigint
    readonly cash: bigint
    readonly mark: bigint
    /** Distance of its price from the round's, as a share. */
    readonly penalty: number
  }[]
  /** Fills of the backstop's lots in the same assets since, and its mean discount as a share of the marks. */
  readonly market: readonly {
    readonly asset: number
    readonly units: bigint
    readonly cash: bigint
    readonly discount: number
  }[]
}

export type ExplainLiquidationErrorType = PlimsollError | ChainFailure

/**
 * Tells why an account was liquidated, how much of it was traded at which price, and what the market paid for such lots since: from the
 * chain alone, for its owner, who alone knows the balances.
 * @throws PlimsollError where the version is no liquidation, ChainFailure where the endpoint has no state of that block
 * @example
 * import { explainLiquidation } from '../../sdk/actions/explain-liquidation.ts'
 * import { recover } from '../../sdk/actions/recover.ts'
 *
 * const recovered = await recover(signer, { settlement, key })
 * const liquidation = recovered.history.find(({ kind }) => kind === 'liquidation')
 * const why = liquidation && (await explainLiquidation(signer, { settlement, recovered, version: liquidation.version }))
 */
export async function explainLiquidation(
  { read }: ReadClient,
  { settlement, recovered: { history }, version }: ExplainLiquidationParameters,
): Promise<LiquidationExplained> {
  const event = history.find((one) => one.version === version)
  if (event?.kind !== 'liquidation') throw new PlimsollError(`Version ${version} of the account is no liquidation.`)
  try {
    const contracts = await systemContracts(read, settlement)
    const rounds = { address: contracts.rounds, abi: ROUNDS_ABI, blockNumber: event.block } as const
    const [rows, [round], { decimals }, end] = await Promise.all([
      read.readContract({ ...rounds, functionName: 'marks' }),
      read.readContract({ ...rounds, functionName: 'round' }),
      chainAsset(read, contracts.vault, 0),
      read.getBlockNumber(),
    ])
    const marks = marksOfRows(rows)
    const before = event.balances.map((balance, a) => balance - event.changes[a]!)
    const { collateral, liabilities } = coverage(before, marks)
    const traded = event.changes.flatMap((change, asset) => (asset === 0 || change === 0n ? [] : [{ asset, change }]))
    const fills = new LotFills()
    await fills.readTo(read, contracts, end)
    return {
      round: Number(round),
      health: formatRatioDown(health(before, marks), SCALE, decimals),
      ratio: liabilities === 0n ? null : formatRatioDown(collateral * 10_000n, liabilities, 4),
      closed: event.balances.every((balance, a) => a === 0 || balance === 0n),
      trades: traded.map(({ asset, change }) => {
        const { price: mark, sell, buy } = marks[asset]!
        const sold = change < 0n
        const at = sold ? sell : buy
        return {
          asset,
          sold,
          units: abs(change),
          cash: (abs(change) * at) / SCALE,
          mark,
          penalty: mark === 0n ? 0 : Number((abs(mark - at) * 1_000_000n) / mark) / 1_000_000,
        }
      }),
      market: traded.flatMap(({ asset }) => {
        const own = fills.fills.filter((fill) => fill.asset === asset && fill.block >= event.block)
        const value = own.reduce((sum, fill) => sum + fill.value, 0n)
        if (value === 0n) return []
        const discount = own.reduce(
          (sum, fill) => sum + discountOf(fill.side, fill.price, fill.mark) * Number(fill.value / SCALE),
          0,
        )
        return [
          {
            asset,
            units: own.reduce((sum, { units }) => sum + units, 0n),
            cash: value / SCALE,
            discount: discount / Number(value / SCALE),
          },
        ]
      }),
    }
  } catch (error) {
    throw refusal(error, 'the liquidation')
  }
}
