import type { Address } from 'viem'
import { textTable } from '../lib/text-table.ts'
import { SCALE } from '../protocol/constants.ts'
import { formatDecimal, formatRatioDown } from '../protocol/decimal.ts'
import { type ChainAsset, chainAssets } from '../sdk/chain/assets.ts'
import { connect } from '../sdk/chain/client.ts'
import { concludeFromLogs } from '../sdk/chain/complete-logs.ts'
import { LotFills } from '../sdk/chain/lot-fills.ts'
import { discountOf, lotOffers } from '../sdk/chain/lot-offers.ts'
import { systemContracts } from '../sdk/chain/system-contracts.ts'
import { printJson, printText } from './output.ts'

/** Decimals of a price beyond those of cash: a unit of some assets is worth little. */
const PRICE_DIGITS = 6

interface Options {
  readonly rpc: readonly string[]
  readonly settlement: Address
  readonly json?: true
}

/** Lists lots and fills of the liquidation market. */
export async function run({ rpc, settlement, json }: Options): Promise<void> {
  const client = await connect(rpc)
  const { read } = client
  const contracts = await systemContracts(read, settlement)
  const assets = await chainAssets(read, settlement)
  const block = await read.getBlock()
  const fills = new LotFills()
  await concludeFromLogs(client, settlement, () => fills.readTo(read, contracts, block.number))
  const offers = await lotOffers(read, contracts.market, assets.length - 1, block.number)
  const nameOf = (asset: number, lot: number) => `${assets[asset]!.symbol}:${lot}`
  const unitsOf = (asset: number, units: bigint) => formatDecimal(units, assets[asset]!.decimals)
  const result = {
    lots: offers.flatMap(({ lots }) =>
      lots.map(({ asset, lot, side, units, since, price, mark }) => ({
        lot: nameOf(asset, lot),
        asset: assets[asset]!.symbol,
        side,
        units: unitsOf(asset, units),
        ageSeconds: Math.max(0, Number(block.timestamp) - since),
        price: price === undefined ? null : priceOf(price, assets, asset),
        mark: mark === 0n ? null : priceOf(mark, assets, asset),
        discount: price === undefined ? null : discountOf(side, price, mark),
      })),
    ),
    fills: fills.fills.map(({ asset, lot, side, units, price, mark, taker, block }) => ({
      lot: nameOf(asset, lot),
      units: unitsOf(asset, units),
      price: priceOf(price, assets, asset),
      discount: discountOf(side, price, mark),
      taker: taker ?? 'inside',
      block: Number(block),
    })),
    recaptured: fills.recaptured ?? null,
  }
  if (json) return printJson(result)
  const percent = (share: number | null) => (share === null ? '' : `${(100 * share).toFixed(3)} %`)
  if (result.lots.length === 0) printText('Nothing waits: the backstop neither holds nor is short of anything.')
  else
    printText(
      textTable(
        ['lot', 'side', 'units', 'age', 'price', 'mark', 'discount'],
        result.lots.map(({ lot, side, units, ageSeconds, price, mark, discount }) => [
          lot,
          side,
          units,
          `${ageSeconds} s`,
          price ?? 'none now',
          mark ?? '',
          percent(discount),
        ]),
        [2, 3, 4, 5, 6],
      ),
    )
  if (result.fills.length === 0) return printText('Nothing was taken yet.')
  printText(
    textTable(
      ['block', 'lot', 'units', 'price', 'discount', 'taker'],
      result.fills.map(({ block, lot, units, price, discount, taker }) => [
        String(block),
        lot,
        units,
        price,
        percent(discount),
        taker,
      ]),
      [0, 2, 3, 4],
    ),
  )
  printText(`Of the penalty ${percent(result.recaptured)} stayed in the system.`)
}

/** A mark in cash a whole unit, rounded down. */
function priceOf(mark: bigint, assets: readonly ChainAsset[], asset: number): string {
  const digits = assets[0]!.decimals + PRICE_DIGITS
  return formatRatioDown(mark * 10n ** BigInt(assets[asset]!.decimals + PRICE_DIGITS), SCALE, digits)
}
