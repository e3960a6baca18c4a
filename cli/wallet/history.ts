import { amountsBySymbol, listAmounts } from '../../sdk/amounts.ts'
import { printJson, printText } from '../output.ts'
import { type ChainOptions, recoverAccount } from './own-account.ts'
import { eventJson } from './recover.ts'

export async function run(options: ChainOptions): Promise<void> {
  const { assets, recovered } = await recoverAccount(options, false)
  if (options.json) return printJson({ events: recovered.history.map((event) => eventJson(event, assets)) })
  for (const { block, version, kind, changes, balances } of recovered.history) {
    printText(
      `block ${block}, version ${version}: ${kind} ${listAmounts(amountsBySymbol(assets, changes))}; then ${listAmounts(amountsBySymbol(assets, balances))}`,
    )
  }
}
