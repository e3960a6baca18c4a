import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from 'viem'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { chainAssets } from '../sdk/chain/assets.ts'
import { ChainFailure } from '../sdk/chain/chain-failure.ts'
import { connect, type ReadClient, type SigningClient } from '../sdk/chain/client.ts'
import { refusal } from '../sdk/chain/contract-errors.ts'
import { Keeper, type KeeperMove } from '../sdk/keeper.ts'
import { printError, printText } from './output.ts'
import { openSigner, privateKeyOf } from './signer.ts'
import { parseAmount } from './wallet/amount.ts'

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
  let [fills, missed, profit, gas] = [0, 0, 0n, 0n]
  let failed: PlimsollError | undefined
  do {
    try {
      for (const move of await keeper.look()) {
        if (options.dryRun || !('sender' in client)) {
          tell({ event: 'found', ...factsOf(move) }, `Would take ${lineOf(factsOf(move))}.`)
          continue
        }
        try {
          const done = await keeper.take(client, move)
          fills++
          profit += done.profit
          gas += done.gas
          tell(
            { event: 'taken', ...factsOf(done), transaction: done.transaction },
            `Took ${lineOf(factsOf(done))}, transaction ${done.transaction}.`,
          )
        } catch (error) {
          const refused = refusal(error, 'the fill')
          if (refused instanceof ChainFailure || !(refused instanceof PlimsollError)) throw refused
          // Somebody was faster, or the price has moved: the next look will tell.
          missed++
          const asset = assets[move.asset]!.symbol
          tell({ event: 'missed', asset, reason: refused.message }, `Missed a fill of ${asset}: ${refused.message}`)
        }
      }
      failed = undefined
    } catch (error) {
      const failure = refusal(error, 'the look')
      if (!(failure instanceof PlimsollError)) throw error
      // What was waited for when the signal came was not the endpoint's fault.
      if (stop.signal.aborted) break
      if (options.once) throw failure
      failed = failure
      printError({ message: failure.message, hint: failure.hint, exitCode: 2 })
    }
    if (!options.once) await sleep(1_000 * options.interval, undefined, { signal: stop.signal }).catch(() => {})
  } while (!options.once && !stop.signal.aborted)
  tell(
    { event: 'end', fills, missed, gas: cash(gas), profit: cash(profit), ...(failed && { error: failed.message }) },
    `${fills} fills, ${missed} missed; gas ${cash(gas)}, profit ${cash(profit)} ${symbol}.`,
  )
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
