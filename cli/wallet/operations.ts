import { formatDecimal } from '../../protocol/decimal.ts'
import { NodeRefusal } from '../../sdk/client.ts'
import type { DeploymentInfo, OperationRequest } from '../../sdk/schemas.ts'
import { printJson, printText } from '../output.ts'
import { dateOf } from './for-people.ts'
import { refused } from './outcome.ts'
import { openWallet, type WalletOptions } from './session.ts'

interface Options extends WalletOptions {
  readonly node: string
  readonly cancel?: `0x${string}`
}

/** Lists an account's operations at the node, or cancels half a trade that waits. */
export async function run(options: Options): Promise<void> {
  const wallet = await openWallet(options)
  const named = (error: unknown) => {
    throw error instanceof NodeRefusal ? refused(error, wallet) : error
  }
  if (options.cancel !== undefined) {
    const canceled = await wallet.cancel(options.cancel).catch(named)
    if (options.json) return printJson(canceled)
    printText(`${canceled.status} (${canceled.code}): operation ${canceled.id}`)
    return printText(
      `Its signature stays valid for whoever has it until ${dateOf(canceled.expiry)}, or until the account is written once more: another operation makes it void at once.`,
    )
  }
  const operations = await wallet.operations().catch(named)
  const listed = operations.map(({ id, status, code, transaction, acceptedAt, operation }) => ({
    id,
    kind: operation.kind,
    status,
    ...(code !== undefined && { code }),
    version: operation.version,
    ...termsOf(wallet.deployment, operation),
    acceptedAt,
    expiry: operation.expiry,
    ...(transaction !== undefined && { transaction }),
  }))
  if (options.json) return printJson({ operations: listed })
  if (listed.length === 0) return printText('The node knows no operations of this account.')
  for (const { id, status, code, acceptedAt, transaction, ...more } of listed) {
    const { kind, version: _, expiry: __, ...terms } = more
    const words = Object.values(terms).join(' ')
    printText(
      `${dateOf(acceptedAt)}  ${status}${code === undefined ? '' : ` (${code})`}: ${kind}${words === '' ? '' : ` ${words}`}, operation ${id}${transaction === undefined ? '' : `, transaction ${transaction}`}`,
    )
  }
}

/** The terms of an operation in decimals and symbols. */
function termsOf({ assets }: DeploymentInfo, operation: OperationRequest): Record<string, string> {
  if (operation.kind === 'preferences') return {}
  const { symbol, decimals } = assets[operation.asset]!
  if (operation.kind === 'withdraw')
    return { amount: formatDecimal(operation.amount, decimals), asset: symbol, recipient: operation.recipient }
  return {
    side: operation.direction === 1 ? 'buy' : 'sell',
    amount: formatDecimal(operation.x, decimals),
    asset: symbol,
    for: `${formatDecimal(operation.y, assets[0]!.decimals)} ${assets[0]!.symbol}`,
  }
}
