import { formatDecimal } from '../../protocol/decimal.ts'
import type { Operation } from '../../protocol/operation.ts'
import type { Resolution, StepResult } from '../../protocol/system.ts'
import type { DeploymentInfo } from '../../sdk/schemas.ts'

/** Sink of a node's log: fields for programs, a sentence for people; pino's loggers are one. */
export interface NodeLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const nothing = () => {}

/** Log of a node that nobody reads. */
export const SILENT: NodeLog = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Line of a log about somebody's money. */
export interface MoneyLine {
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

type Assets = DeploymentInfo['assets']

/** Amount of base units for people: `12.5 USD`. */
function money(assets: Assets, asset: number, amount: bigint): string {
  const { symbol, decimals } = assets[asset] ?? { symbol: `#${asset}`, decimals: 0 }
  return `${formatDecimal(amount, decimals)} ${symbol}`
}

/** Line about a settled operation. */
export function operationLine(assets: Assets, { operation, outcome }: StepResult): MoneyLine {
  const fields = { event: operation.kind, outcome, account: operation.index, ...termsOf(operation) }
  return { fields, message: sentence(assets, operation, outcome) }
}

/** Line about an account that a resolve liquidated; undefined where it was a decoy or a stale leaf. */
export function resolutionLine(assets: Assets, { account, liquidation }: Resolution): MoneyLine | undefined {
  if (liquidation === undefined || liquidation.status === 'healthy') return undefined
  const { status, badDebt } = liquidation
  const loss = badDebt > 0n ? `, bad debt ${money(assets, 0, badDebt)}` : ''
  return {
    fields: { event: 'liquidation', account: account.index, status, badDebt: String(badDebt) },
    message: `account ${account.index} was ${status === 'closed' ? 'closed' : 'liquidated in part'}${loss}`,
  }
}

/** Terms in base units, as decimal strings. */
function termsOf(operation: Operation): Record<string, unknown> {
  switch (operation.kind) {
    case 'preferences':
    case 'rekey':
      return {}
    case 'trade':
    case 'unwind':
      return {
        asset: operation.asset,
        direction: operation.direction,
        amount: String(operation.x),
        cash: String(operation.y),
      }
    case 'open':
    case 'topup':
      return { deposit: operation.depositId, asset: operation.asset, amount: String(operation.amount) }
    case 'forced':
      return {
        request: String(operation.queueNumber),
        asset: operation.asset,
        amount: String(operation.amount),
        recipient: operation.recipient,
      }
    case 'close':
      return {
        request: String(operation.queueNumber),
        asset: operation.asset,
        direction: operation.direction,
        amount: String(operation.amount),
        limit: String(operation.limit),
      }
    case 'withdraw':
      return { asset: operation.asset, amount: String(operation.amount), recipient: operation.recipient }
  }
}

function sentence(assets: Assets, operation: Operation, outcome: StepResult['outcome']): string {
  const { kind, index } = operation
  if (kind === 'preferences') return `account ${index} has new preferences`
  if (kind === 'rekey') return `account ${index} is read by the sequencer key in force now`
  if (kind === 'trade' || kind === 'unwind') {
    const [got, given] = [money(assets, operation.asset, operation.x), money(assets, 0, operation.y)]
    const what = operation.direction === 1 ? `bought ${got} for ${given}` : `sold ${got} for ${given}`
    return `account ${index} ${what}${kind === 'unwind' ? ' with the backstop' : ''}`
  }
  const amount = money(assets, operation.asset, operation.amount)
  switch (kind) {
    case 'open':
      return `deposit ${operation.depositId} of ${amount} opened account ${index}`
    case 'topup':
      return `deposit ${operation.depositId} of ${amount} ${outcome === 'bounced' ? 'bounced from' : 'went to'} account ${index}`
    case 'withdraw':
      return `withdrawal of ${amount} from account ${index} to ${operation.recipient}`
    case 'forced':
      return outcome === 'discharged'
        ? `forced request ${operation.queueNumber} of account ${index} for ${amount} was discharged: the account cannot serve it`
        : `forced withdrawal ${operation.queueNumber} of ${amount} from account ${index} to ${operation.recipient}`
    case 'close': {
      const side = operation.direction === 1 ? 'short' : 'long'
      return outcome === 'discharged'
        ? `forced close ${operation.queueNumber} of account ${index} for ${amount} was discharged: it cannot be carried out`
        : `forced close ${operation.queueNumber} of up to ${amount} of account ${index}'s ${side} position`
    }
  }
}
