import { writeFile } from 'node:fs/promises'
import { PlimsollError } from '../../protocol/errors.ts'
import { amountsBySymbol, listAmounts, weightsBySymbol } from '../../sdk/amounts.ts'
import type { AccountEvent } from '../../sdk/chain/account-history.ts'
import type { ChainAsset } from '../../sdk/chain/assets.ts'
import { printJson, printText } from '../output.ts'
import { type ChainOptions, recoverAccount } from './own-account.ts'

export async function run(options: ChainOptions & { atCheckpoint?: true; out?: string }): Promise<void> {
  const { assets, recovered, readableByFormerKey } = await recoverAccount(options, options.atCheckpoint === true)
  const { account, leaf, history, path } = recovered
  const balances = amountsBySymbol(assets, account.balances)
  const json = {
    index: account.index,
    version: Number(account.version),
    leaf: leaf.toString(),
    balances,
    weights: weightsBySymbol(assets, account.weights),
    readableByFormerKey,
    history: history.map((event) => eventJson(event, assets)),
    ...(options.atCheckpoint ? { path: path.map((children) => children.map(String)) } : {}),
  }
  if (options.out !== undefined) {
    await writeFile(options.out, `${JSON.stringify(json, null, 2)}\n`, { flag: 'wx', mode: 0o600 }).catch(
      (error: NodeJS.ErrnoException) => {
        throw new PlimsollError(
          `Cannot write ${options.out}: ${error.code === 'EEXIST' ? 'it exists' : error.message}.`,
        )
      },
    )
  }
  if (options.json) return printJson(json)
  printText(`Account ${account.index}, version ${account.version}, from the chain alone: ${listAmounts(balances)}`)
  if (readableByFormerKey)
    printText('The sequencer has handed over: who has its former key can still read this version.')
  if (options.out !== undefined) printText(`Written to ${options.out}, with ${history.length} events.`)
}

export function eventJson(
  { block, transaction, kind, version, changes, balances }: AccountEvent,
  assets: readonly ChainAsset[],
) {
  return {
    block: Number(block),
    transaction,
    kind,
    version,
    changes: amountsBySymbol(assets, changes),
    balances: amountsBySymbol(assets, balances),
  }
}
