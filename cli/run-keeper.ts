import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from 'viem'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { parseAmount } from '../sdk/amount.ts'
import { chainAssets } from '../sdk/chain/assets.ts'
import { ChainFailure, OutcomeUnknown } from '../sdk/chain/chain-failure.ts'
import { connect, type ReadClient, type SigningClient } from '../sdk/chain/client.ts'
import { refusal } from '../sdk/chain/contract-errors.ts'
import { FillLost, Keeper, type KeeperMove } from '../sdk/keeper.ts'
import { NotKnown } from './not-known.ts'
import { printError, printText } from './output.ts'
import { openSigner, privateKeyOf } from './signer.ts'

/** Environment variable with the keeper's private key. */
const KEY_VARIABLE = 'PLIMSOLL_KEEPER_KEY'

export interface KeeperCommand {
  readonly rpc: readonly string[]
  readonly settlement: Address
  readonly from?: Address
  readonly pool?: readonly Address[]
  readonly maxInventory?: string
  readonly minProfit: string
  readonly nativePrice?: string
  readonly interval: number
  readonly once?: true
  readonly dryRun?: true
  readonly json?: true
}

/** Takes what pays, look after look, until the process is told to end. */
export async function run(options: KeeperCommand): Promise<void> {
  const { settlement, json } = options
  const client = await openClient(options)
  const assets = await chainAssets(client.read, settlement)
  const { decimals, symbol } = assets[0]!
  const cash = (amount: bigint) => formatDecimal(amount, decimals)
  const keeper = await Keeper.open(client, {
    settlement,
    pools: options.pool ?? [],
    maxInventory:
      options.maxInventory === undefined ? undefined : parseAmount(options.maxInventory, decimals, '--max-inventory'),
    minProfit: parseLeast(options.minProfit, decimals),
    nativePrice:
      options.nativePrice === undefined ? undefined : parseAmount(options.nativePrice, decimals, '--native-price'),
  })
  const tell = (event: Record<string, unknown>, text: string) => printText(json ? JSON.stringify(event) : text)
  const factsOf = ({ asset, side, units, worth, gas, profit, through, ...move }: KeeperMove) => ({
    asset: assets[asset]!.symbol,
    side,
    units: formatDecimal(units, assets[asset]!.decimals),
    cash: through !== undefined && options.dryRun ? null : cash(move.cash),
    worth: cash(worth),
    gas: cash(gas),
    profit: cash(profit),
    through: through ?? null,
  })
  const lineOf = ({ asset, side, units, cash: paid, profit, through }: ReturnType<typeof factsOf>) =>
    `${units} ${asset} ${side === 'sell' ? 'from' : 'for'} the backstop${paid === null ? '' : ` at ${paid} ${symbol}`}${through === null ? '' : ` through ${through}`}, profit ${profit} ${symbol}`

  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort()
      client.endpoint.stop()
    })
  const sums = { fills: 0, missed: 0, unknown: 0, profit: 0n, gas: 0n }
  const act = async (signer: SigningClient, move: KeeperMove) => {
    const asset = assets[move.asset]!.symbol
    try {
      const { transaction, ...done } = await keeper.take(signer, move)
      sums.fills++
      sums.profit += done.profit
      sums.gas += done.gas
      const facts = factsOf(done)
      tell({ event: 'taken', ...facts, transaction }, `Took ${lineOf(facts)}, transaction ${transaction}.`)
    } catch (error) {
      const refused = refusal(error, 'the fill')
      const { message: reason } = refused
      if (refused instanceof OutcomeUnknown) {
        sums.unknown++
        const event = { event: 'unknown', asset, reason, transaction: refused.hash ?? null }
        tell(event, `Whether a fill of ${asset} was taken is not known. ${reason}`)
      }
      if (refused instanceof ChainFailure || !(refused instanceof PlimsollError)) throw refused
      // Somebody was faster, or the price has moved: the next look will tell. A transaction that was mined has cost its gas.
      const lost = refused instanceof FillLost ? refused : undefined
      const paid = lost?.gas ?? 0n
      sums.missed++
      sums.profit -= paid
      sums.gas += paid
      tell(
        { event: 'missed', asset, reason, gas: cash(paid), transaction: lost?.transaction ?? null },
        `Missed a fill of ${asset}: ${reason}${lost === undefined ? '' : ` Its gas was ${cash(paid)} ${symbol}.`}`,
      )
    }
  }
  let failed: PlimsollError | undefined
  let waited = false
  do {
    try {
      const moves = await keeper.look()
      const signer = options.dryRun || !('sender' in client) ? undefined : client
      const waits = signer !== undefined && moves.length > 0 && (await keeper.isWaiting(signer))
      if (waits && !waited)
        tell({ event: 'waiting' }, 'A transaction of this account waits to be mined: nothing is taken before it is.')
      waited = waits
      for (const move of waits ? [] : moves) {
        if (stop.signal.aborted) break
        if (signer !== undefined) await act(signer, move)
        else tell({ event: 'found', ...factsOf(move) }, `Would take ${lineOf(factsOf(move))}.`)
      }
      failed = undefined
    } catch (error) {
      const failure = refusal(error, 'the look')
      if (!(failure instanceof PlimsollError)) throw error
      // What was waited for when the signal came was not the endpoint's fault.
      if (stop.signal.aborted) break
      if (options.once) throw failure
      failed = failure
      const exitCode = failure instanceof OutcomeUnknown ? 3 : 2
      printError({ message: failure.message, hint: failure.hint, exitCode })
    }
    if (!options.once) await sleep(1_000 * options.interval, undefined, { signal: stop.signal }).catch(() => {})
  } while (!options.once && !stop.signal.aborted)
  const { fills, missed, unknown } = sums
  const [gas, profit] = [cash(sums.gas), cash(sums.profit)]
  tell(
    {
      event: 'end',
      fills,
      missed,
      ...(unknown > 0 && { unknown }),
      gas,
      profit,
      ...(failed && { error: failed.message }),
    },
    `${fills} fills, ${missed} missed; gas ${gas}, profit ${profit} ${symbol}.`,
  )
  if (unknown > 0)
    throw new NotKnown(`What became of ${unknown === 1 ? 'a fill' : `${unknown} fills`} is not known.`, {
      hint: 'plimsoll auctions lists all fills that were mined.',
    })
}

/** With an account where one is named; a dry run needs none. */
async function openClient({ rpc, from, dryRun }: KeeperCommand): Promise<ReadClient | SigningClient> {
  if (dryRun && from === undefined && privateKeyOf(KEY_VARIABLE) === undefined) return connect(rpc)
  return openSigner(rpc, { variable: KEY_VARIABLE, ...(from === undefined ? {} : { from }) })
}

/** An amount of cash that may be 0. */
function parseLeast(text: string, decimals: number): bigint {
  return /^0+(\.0+)?$/.test(text) ? 0n : parseAmount(text, decimals, '--min-profit')
}
