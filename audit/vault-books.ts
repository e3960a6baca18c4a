import { ASSETS } from '../protocol/constants.ts'
import { type TokenDecimals, tokenUnitsPerUnit, unitsPerTokenUnit } from '../sdk/token-units.ts'

type Arguments = Readonly<Record<string, unknown>>

/**
 * Books of what moved accounts' and backstop's part of custody besides batches: checkpoints (the unpaid part of withdrawals, insurers'
 * cash), donations, and after a freeze the escape. Replayed from the events of vault, insurance and escape; base units of
 * assets 0 to 7.
 */
export class VaultBooks {
  readonly accounts: bigint[] = Array<bigint>(ASSETS).fill(0n)
  readonly backstop: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Withdrawn since the last checkpoint. */
  readonly pending: bigint[] = Array<bigint>(ASSETS).fill(0n)
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
        return
      case 'DepositConsumed':
        this.#deposits.get(args.id as bigint)!.consumed = true
        return
      case 'WithdrawalPending':
        this.pending[asset]! += args.amount as bigint
        return
      case 'Checkpointed':
        this.#checkpoint(args.num as bigint, args.den as bigint)
        return
      case 'Converted':
        this.backstop[0]! += (args.converted as bigint) - (args.paid as bigint)
        return
      case 'Donated':
        this.backstop[asset]! += args.amount as bigint
        return
      case 'FrozenAt':
        // Withdrawals since the checkpoint are void.
        this.pending.forEach((pending, a) => (this.accounts[a]! += pending))
        this.pending.fill(0n)
        return
      case 'Refunded':
        this.#refund(args.id as bigint)
        return
      case 'Pulled':
        this.accounts[asset]! -= this.#baseUnits(asset, args.tokenAmount as bigint)
        return
      case 'SharesPulled':
        this.backstop[asset]! -= this.#baseUnits(asset, args.tokenAmount as bigint)
    }
  }

  #checkpoint(num: bigint, den: bigint): void {
    this.pending.forEach((pending, a) => (this.backstop[a]! += pending - (pending * num) / den))
    this.pending.fill(0n)
  }

  /** A consumed deposit is refunded only after a freeze, when it had not been there at the checkpoint. */
  #refund(id: bigint): void {
    const { asset, amount, consumed } = this.#deposits.get(id)!
    if (consumed) this.accounts[asset]! -= amount
  }

  #baseUnits(asset: number, tokenAmount: bigint): bigint {
    const info = this.#assets[asset]!
    return (tokenAmount * unitsPerTokenUnit(info)) / tokenUnitsPerUnit(info)
  }
}
