import { SCALE, WORD } from '../protocol/constants.ts'
import { parseDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { divUp } from '../protocol/integer.ts'
import { type Marks, priceMarkDown } from '../protocol/marks.ts'
import { withPrice } from '../protocol/what-if.ts'
import { parseAmount } from './amount.ts'
import type { AssetInfo } from './schemas.ts'

type Unit = Pick<AssetInfo, 'symbol' | 'decimals'>

/** An account and the marks by which it is valued. */
export interface Scene {
  readonly balances: readonly bigint[]
  readonly marks: Marks
}

/** Decimals of prices, in the input and in what is printed. */
const PRICE_DECIMALS = 18
const USE =
  'Write it as "sell ETH 2", "buy ETH 2 for 400", "deposit USD 100", "withdraw USD 50", "price ETH 120" or "price ETH -10%", several with commas between.'

/**
 * The account as it would be after what a text supposes, one thing after the other. A trade without `for` is at the mark's price,
 * rounded against the account. Prices move all values at once; nothing is liquidated meanwhile.
 * @param field name of the text in complaints
 * @throws PlimsollError for a text that is none of these, an asset that there is not, and balances out of range
 */
export function suppose(text: string, assets: readonly Unit[], scene: Scene, field = '--what-if'): Scene {
  const steps = text.split(',').map((step) => step.trim())
  return steps.reduce((now, step) => apply(step, assets, now, field), scene)
}

function apply(step: string, assets: readonly Unit[], { balances, marks }: Scene, field: string): Scene {
  const bad = () => new PlimsollError(`${field} does not understand ${JSON.stringify(step)}.`, { hint: USE })
  const [verb, symbol, ...rest] = step.split(/\s+/)
  if (symbol === undefined || rest[0] === undefined) throw bad()
  const asset = assets.findIndex((known) => known.symbol === symbol)
  if (asset < 0)
    throw new PlimsollError(`${field}: there is no asset ${JSON.stringify(symbol)}.`, {
      hint: `There are ${assets.map((known) => known.symbol).join(', ')}.`,
    })
  const unit = assets[asset]!
  const cash = assets[0]!
  const traded = () => {
    if (asset === 0) throw new PlimsollError(`${field}: ${symbol} is the cash, in which all is priced.`)
  }
  if (verb === 'price') {
    if (rest.length !== 1) throw bad()
    traded()
    return {
      balances,
      marks: withPrice(
        marks,
        asset,
        priceMark(rest[0], cash, unit, marks[asset]!.price, bad, field),
        `${field}: the price of ${symbol}`,
      ),
    }
  }
  const amount = parseAmount(rest[0], unit.decimals, `${field}: the amount of ${symbol}`)
  const move = (changes: readonly (readonly [number, bigint])[]): Scene => {
    const after = changes.reduce((sum, [a, change]) => sum.with(a, sum[a]! + change), balances)
    if (after.some((balance) => balance >= WORD || balance <= -WORD))
      throw new PlimsollError(`${field}: ${JSON.stringify(step)} leads to a balance of 2^64 base units or more.`)
    return { balances: after, marks }
  }
  if (verb === 'deposit' || verb === 'withdraw') {
    if (rest.length !== 1) throw bad()
    return move([[asset, verb === 'deposit' ? amount : -amount]])
  }
  if (verb !== 'buy' && verb !== 'sell') throw bad()
  traded()
  if (rest.length !== 1 && (rest.length !== 3 || rest[1] !== 'for')) throw bad()
  const value = amount * marks[asset]!.price
  const fair = verb === 'buy' ? divUp(value, SCALE) : value / SCALE
  const paid = rest.length === 3 ? parseAmount(rest[2]!, cash.decimals, `${field}: the price of all of it`) : fair
  return verb === 'buy'
    ? move([
        [asset, amount],
        [0, -paid],
      ])
    : move([
        [asset, -amount],
        [0, paid],
      ])
}

/** The mark of a price, given as such or as a change in percent. */
function priceMark(text: string, cash: Unit, unit: Unit, now: bigint, bad: () => PlimsollError, field: string): bigint {
  const change = /^([+-])(\d+(?:\.\d+)?)%$/.exec(text)
  if (change === null) {
    const quote = parseDecimal(text, PRICE_DECIMALS, `${field}: the price of ${unit.symbol}`)
    if (quote <= 0n) throw bad()
    return priceMarkDown(quote, PRICE_DECIMALS, cash.decimals, unit.decimals)
  }
  const percent = parseDecimal(change[2]!, PRICE_DECIMALS, `${field}: the percentage`)
  const hundred = 100n * 10n ** BigInt(PRICE_DECIMALS)
  const factor = change[1] === '-' ? hundred - percent : hundred + percent
  if (factor < 0n) throw new PlimsollError(`${field}: the price of ${unit.symbol} cannot fall by more than 100 %.`)
  return (now * factor) / hundred
}
