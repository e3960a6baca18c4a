import { PlimsollError } from '../../protocol/errors.ts'
import { setPreferences } from '../../sdk/actions/set-preferences.ts'
import { report, submit } from './outcome.ts'
import { assetBySymbol, openWallet, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly node: string
  readonly set: Readonly<Record<string, number>>
  readonly expiresIn: number
  readonly wait?: true
  readonly again?: true
  readonly voidWaiting?: true
}

export async function run(options: Options): Promise<void> {
  const wallet = await openWallet(options)
  const weights = [...(await wallet.read()).account.weights]
  for (const [symbol, weight] of Object.entries(options.set)) {
    const asset = assetBySymbol(wallet.deployment, symbol)
    if (asset === 0) throw new PlimsollError(`${symbol} is cash, which has no weight.`)
    weights[asset] = weight
  }
  const accepted = await submit(
    wallet,
    options,
    (other) => other.kind === 'preferences' && other.weights.join() === weights.join(),
    () => setPreferences(wallet, { weights, expiresIn: options.expiresIn }),
  )
  await report(wallet.client, accepted, options, { wallet })
}
