import { ASSETS } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { type TokenDecimals, tokenUnitsPerUnit, unitsPerTokenUnit } from '../sdk/token-units.ts'

type Arguments = Readonly<Record<string, unknown>>

/**
 * Books of what moved custody besides batches: deposits, checkpoints (the unpaid part of withdrawals, insurers' cash, what is
 * owed), donations, and after a freeze the escape. Replayed from the events of vault, insurance and escape; base units of
 * assets 0 to 7.
 */
export class VaultBooks {
  readonly accounts: bigint[] = Array<bigint>(ASSETS).fill(0n)
  readonly backstop: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Withdrawn since the last checkpoint; and of it, in full or not at all. */
  readonly pending: bigint[] = Array<bigint>(ASSETS).fill(0n)
  readonly #inFull: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Withdrawals from before that wait to be paid in full. */
  readonly waiting: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Deposits that wait in the queue, or that bounced and were not taken back yet. */
  readonly queued: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Cash that checkpoints cut from withdrawals, and what of it was repaid; and the insurers' shares. */
  readonly insurance = { owed: 0n, repaid: 0n, shares: 0n }
  /** Share of its epoch's withdrawals that the last checkpoint paid. */
  #ratio: readonly [num: bigint, den: bigint] = [1n, 1n]
  readonly #deposits = new Map<bigint, { asset: number; amount: bigint; consumed: boolean }>()
  readonly #assets: readonly TokenDecimals[]

  constructor(assets: readonly TokenDecimals[]) {
    this.#assets = assets
  }

  event(name: string, args: Arguments): void {
    const asset = Number(args.asset)
    switch (name) {
      case 'Deposited':
        this.#deposits.set(args.id as bigint, { asset, amount: args.amount as bigint, consumed: false })
        this.queued[asset]! += args.amount as bigint
        return
      case 'DepositConsumed': {
        const deposit = this.#deposit(args.id as bigint)
        deposit.consumed = true
        this.queued[deposit.asset]! -= deposit.amount
        return
      }
      case 'WithdrawalPending':
        this.pending[asset]! += args.amount as bigint
        if (args.inFull) this.#inFull[asset]! += args.amount as bigint
        return
      case 'TakenBack': {
        const deposit = this.#deposit(args.id as bigint)
        this.queued[deposit.asset]! -= deposit.amount
        deposit.amount = 0n
        return
      }
      case 'Checkpointed':
        this.#checkpoint(args.num as bigint, args.den as bigint)
        return
      case 'Converted':
        this.backstop[0]! += (args.converted as bigint) - (args.paid as bigint)
        this.insurance.shares += (args.minted as bigint) - (args.burned as bigint)
        return
      case 'Owed':
        this.insurance.owed += args.amount as bigint
        return
      case 'Repaid':
        this.backstop[0]! -= args.amount as bigint
        this.insurance.repaid += args.amount as bigint
        return
      case 'Donated':
        this.backstop[asset]! += args.amount as bigint
        return
      case 'FrozenAt':
        // Withdrawals since the checkpoint are void.
        this.pending.forEach((pending, a) => (this.accounts[a]! += pending))
        this.pending.fill(0n)
        this.#payOut(this.waiting, ...this.#ratio)
        this.waiting.fill(0n)
        return
      case 'Refunded':
        this.#refund(args.id as bigint)
        return
      case 'Pulled':
        this.accounts[asset]! -= this.#baseUnits(asset, args.tokenAmount as bigint)
        return
      case 'SharesPulled':
      case 'OwedPulled':
        this.backstop[asset]! -= this.#baseUnits(asset, args.tokenAmount as bigint)
    }
  }

  /** Under water, as `num < den` says, a part of the epoch's withdrawals is paid, and those in full wait; else all is paid. */
  #checkpoint(num: bigint, den: bigint): void {
    const underWater = num < den
    this.#payOut(
      this.pending.map((pending, a) => pending - this.#inFull[a]!),
      num,
      den,
    )
    this.waiting.forEach((_, a) => (this.waiting[a] = underWater ? this.waiting[a]! + this.#inFull[a]! : 0n))
    this.pending.fill(0n)
    this.#inFull.fill(0n)
    this.#ratio = [num, den]
  }

  #payOut(amounts: readonly bigint[], num: bigint, den: bigint): void {
    amounts.forEach((amount, a) => (this.backstop[a]! += amount - (amount * num) / den))
  }

  /** A consumed deposit is refunded only after a freeze, when it had not been there at the checkpoint. */
  #refund(id: bigint): void {
    const { asset, amount, consumed } = this.#deposit(id)
    if (consumed) this.accounts[asset]! -= amount
    else this.queued[asset]! -= amount
  }

  /** @throws PlimsollError when no such deposit was made */
  #deposit(id: bigint): { asset: number; amount: bigint; consumed: boolean } {
    const deposit = this.#deposits.get(id)
    if (deposit === undefined) throw new PlimsollError(`Deposit ${id} was never made.`)
    return deposit
  }

  #baseUnits(asset: number, tokenAmount: bigint): bigint {
    const info = this.#assets[asset]!
    return (tokenAmount * unitsPerTokenUnit(info)) / tokenUnitsPerUnit(info)
  }
}
