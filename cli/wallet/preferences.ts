import { PlimsollError } from '../../protocol/errors.ts'
import { setPreferences } from '../../sdk/actions/set-preferences.ts'
import { report, submit } from './outcome.ts'
import { assetBySymbol, openWallet, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly node: string
  readonly set: Readonly<Record<string, number>>
  readonly expiresIn: number
  readonly wait?: true
}

export async function run(options: Options): Promise<void> {
  const wallet = await openWallet(options)
  const weights = [...(await wallet.read()).account.weights]
  for (const [symbol, weight] of Object.entries(options.set)) {
    const asset = assetBySymbol(wallet.deployment, symbol)
    if (asset === 0) throw new PlimsollError(`${symbol} is cash, which has no weight.`)
    weights[asset] = weight
  }
  await report(
    wallet.client,
    await submit(wallet, setPreferences(wallet, { weights, expiresIn: options.expiresIn })),
    options,
  )
}
