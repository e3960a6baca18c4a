import type { Batch, StepPublic } from '../protocol/batch.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { payee } from '../protocol/operation.ts'
import { OP } from '../protocol/transact.ts'
import type { SystemEvent } from '../sdk/chain/settlement-history.ts'
import { require } from './system-event.ts'

/** Events that only a step of a batch leads to, with the steps that do. */
const EFFECTS: Readonly<Record<string, readonly number[]>> = {
  DepositConsumed: [OP.open, OP.topup],
  DepositBounced: [OP.bounce],
  Served: [OP.forced, OP.close],
  Discharged: [OP.discharge, OP.dischargeClose],
  WithdrawalPending: [OP.withdraw, OP.forced],
  Unwound: [OP.unwind],
}

interface Due {
  readonly eventName: string
  readonly step: StepPublic
}

/** Events that the steps of batches make the vault and the forced queue say, in their order: no more of them, and no fewer. */
export class StepEffects {
  #due: Due[] = []
  /** Transactions with a batch that could not be read: what its steps lead to is not known. */
  readonly #unknown = new Set<string>()

  /** A batch whose steps are known. */
  batch(batch: Batch): void {
    if (batch.circuit !== 'transact') return
    for (const step of batch.steps.slice(0, batch.active))
      for (const [eventName, ops] of Object.entries(EFFECTS))
        if (ops.includes(step.op)) this.#due.push({ eventName, step })
  }

  /** A batch that cannot be read. */
  unreadable(transaction: string): void {
    this.#unknown.add(transaction)
  }

  /**
   * The step that led to an event; undefined where the event is of another kind, or its batch could not be read.
   * @throws PlimsollError when no step leads to it, or another event was to come before
   */
  of(event: SystemEvent): StepPublic | undefined {
    if (!(event.eventName in EFFECTS)) {
      // Between a batch and what its steps lead to nothing else is said by the settlement.
      if (event.of === 'settlement') this.end()
      return undefined
    }
    if (this.#unknown.has(event.transaction)) return undefined
    const due = this.#due.shift()
    require(event, due?.eventName === event.eventName, 'no step of a batch leads to it')
    const { step } = due!
    if (event.eventName === 'WithdrawalPending') {
      const { index, recipient, asset, amount, inFull } = event.args
      const same =
        Number(index) === step.index &&
        BigInt(asset) === BigInt(step.asset) &&
        amount === step.amount &&
        payee({ recipient, inFull }) === step.u
      require(event, same, 'its step says something else')
    } else if (event.eventName === 'Unwound') {
      const { asset, direction, x, y } = event.args
      const same = asset === step.asset && x === step.amount && y === step.u && BigInt(direction) === step.v
      require(event, same, 'its step says something else')
    } else if (event.eventName === 'Served' || event.eventName === 'Discharged') {
      require(event, event.args.number === step.v, 'its step says something else')
    }
    return step
  }

  /** @throws PlimsollError when steps led to something that was not said */
  end(): void {
    const due = this.#due[0]
    if (due === undefined) return
    this.#due = []
    throw new PlimsollError(`A step of operation ${due.step.op} leads to ${due.eventName}, which was not said.`)
  }
}
