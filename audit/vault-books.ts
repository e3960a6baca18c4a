import { type PublicClient, zeroAddress } from 'viem'
import type { StepPublic } from '../protocol/batch.ts'
import { ASSETS } from '../protocol/constants.ts'
import { OP } from '../protocol/transact.ts'
import { SETTLEMENT_ABI } from '../sdk/abi/settlement.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { inOrder } from '../sdk/chain/in-order.ts'
import { ownerOf } from '../sdk/chain/owner-of.ts'
import { type TokenDecimals, tokenUnitsPerUnit, unitsPerTokenUnit } from '../sdk/token-units.ts'
import { type At, type EventOf, require, requireSame } from './system-event.ts'

/** As the contract numbers them. */
const OPEN = 1
const STATES = { queued: 0, consumed: 1, bounced: 2, refunded: 3 } as const

type Args<N extends EventOf<'vault'>['eventName']> = Extract<EventOf<'vault'>, { eventName: N }>['args']
type Deposit = Omit<Args<'Deposited'>, 'amount'> & { amount: bigint; state: keyof typeof STATES }
type Withdrawal = Args<'WithdrawalPending'> & { claimed: boolean }

/** Assets that batches moved; undefined where one of them could not be read, or what there was before is not known. */
export interface Moved {
  readonly backstop: readonly bigint[] | undefined
  readonly accounts: readonly bigint[] | undefined
}

/** Public state that what the vault says has to agree with. */
export interface Public {
  /** The accounts' root; undefined where a batch before could not be read. */
  readonly root: bigint | undefined
  readonly round: number
}

/**
 * Books of what moved custody besides batches: deposits, checkpoints (the unpaid part of withdrawals, insurers' cash, what is
 * owed), claims, donations, and after a freeze the escape. Replayed from the events of vault, insurance and escape; base units
 * of assets 0 to 7.
 */
export class VaultBooks {
  readonly accounts: bigint[] = Array<bigint>(ASSETS).fill(0n)
  readonly backstop: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Withdrawn since the last checkpoint; and of it, in full or not at all. */
  readonly pending: bigint[] = Array<bigint>(ASSETS).fill(0n)
  readonly #inFull: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Withdrawals from before that wait to be paid in full. */
  readonly waiting: bigint[] = Array<bigint>(ASSETS).fill(0n)
  readonly claimable: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Deposits that wait in the queue, or that bounced and were not taken back yet. */
  readonly queued: bigint[] = Array<bigint>(ASSETS).fill(0n)
  /** Cash that waits to become shares. */
  insuring = 0n
  frozen = false
  /** Checkpoints so far. */
  epochs = 0n
  /** Epochs up to the last that ended with the backstop not under water. */
  #sound = 0n
  /** Shares of their withdrawals that epochs pay, of those that were cut. */
  readonly #ratios = new Map<bigint, readonly [num: bigint, den: bigint]>()
  #record = { root: 0n, round: 0n, deposits: 0n }
  readonly #deposits: Deposit[] = []
  /** The first deposit that no batch has taken. */
  #head = 0
  readonly #withdrawals: Withdrawal[] = []
  readonly #assets: readonly TokenDecimals[]
  #peers: Args<'Bound'> | undefined

  constructor(assets: readonly TokenDecimals[]) {
    this.#assets = assets
  }

  /** @throws PlimsollError when what it says cannot follow what was said before */
  event(event: EventOf<'vault'>, step: StepPublic | undefined, now: Public): void {
    this.#requireAsset(event)
    switch (event.eventName) {
      case 'Deposited':
        require(event, event.args.id === BigInt(this.#deposits.length), 'it is not the next deposit')
        require(event, event.args.kind === OPEN || (event.args.ax === 0n && event.args.ay === 0n), 'it opens nothing')
        this.#deposits.push({ ...event.args, state: 'queued' })
        this.queued[event.args.asset]! += event.args.amount
        return
      case 'DepositConsumed':
      case 'DepositBounced':
        this.#taken(event, step)
        return
      case 'TakenBack':
        this.#takenBack(event)
        return
      case 'Refunded':
        this.#refunded(event)
        return
      case 'WithdrawalPending': {
        const { id, asset, amount, epoch, inFull } = event.args
        require(event, id === BigInt(this.#withdrawals.length), 'it is not the next withdrawal')
        require(event, epoch === this.epochs, 'its epoch is not the one that runs')
        this.#withdrawals.push({ ...event.args, claimed: false })
        this.pending[asset]! += amount
        if (inFull) this.#inFull[asset]! += amount
        return
      }
      case 'Claimed':
        this.#claimed(event)
        return
      case 'Checkpointed':
        this.#checkpoint(event, now)
        return
      case 'Donated':
        this.backstop[event.args.asset]! += event.args.amount
        return
      case 'Bound':
        this.#peers = event.args
        return
      case 'FrozenAt':
        require(event, !this.frozen && event.args.epoch === this.epochs, 'it is not the epoch that runs')
        this.frozen = true
        // Withdrawals since the checkpoint are void.
        this.pending.forEach((pending, a) => (this.accounts[a]! += pending))
        this.pending.fill(0n)
        this.#payOut(this.waiting, ...this.#ratio(this.epochs - 1n))
        this.waiting.fill(0n)
    }
  }

  /** Moves of cash by insurers and those owed. */
  insurance(event: EventOf<'insurance'>): void {
    switch (event.eventName) {
      case 'Insured':
        this.insuring += event.args.amount
        return
      case 'Cancelled':
        this.insuring -= event.args.amount
        return
      case 'Converted':
        this.backstop[0]! += event.args.converted - event.args.paid
        this.insuring -= event.args.converted
        this.claimable[0]! += event.args.paid
        return
      case 'Repaid':
        this.backstop[0]! -= event.args.amount
        this.claimable[0]! += event.args.amount
        return
      case 'Collected':
        this.claimable[0]! -= event.args.amount
        return
      case 'OwedCollected':
        this.withdrawal(event, event.args.withdrawalId)
        this.claimable[0]! -= event.args.amount
    }
  }

  /** Moves of custody by takers from outside; what is taken inside, batches move. */
  market(event: EventOf<'market'>): void {
    if (event.eventName !== 'Filled' || event.args.taker === zeroAddress) return
    const { asset, sells, units, cash } = event.args
    this.backstop[asset]! += sells ? -units : units
    this.backstop[0]! += sells ? cash : -cash
  }

  /** Shares that an escape pays. */
  escape(event: EventOf<'escape'>): void {
    this.#requireAsset(event)
    switch (event.eventName) {
      case 'Pulled':
        this.accounts[event.args.asset]! -= this.#baseUnits(event.args.asset, event.args.tokenAmount)
        return
      case 'OwedPulled':
        this.withdrawal(event, event.args.withdrawalId)
        this.backstop[event.args.asset]! -= this.#baseUnits(event.args.asset, event.args.tokenAmount)
        return
      case 'SharesPulled':
        this.backstop[event.args.asset]! -= this.#baseUnits(event.args.asset, event.args.tokenAmount)
    }
  }

  /** @throws PlimsollError when there was no such withdrawal */
  withdrawal(event: EventOf<'vault' | 'insurance' | 'escape'>, id: bigint): Withdrawal {
    const withdrawal = this.#withdrawals[Number(id)]
    require(event, withdrawal !== undefined, `withdrawal ${id} was never made`)
    return withdrawal
  }

  /**
   * Holds the books, and what batches moved besides, against the vault's storage.
   * @throws PlimsollError naming what differs
   */
  async compare(read: PublicClient, { address, blockNumber }: At, batches: Moved): Promise<void> {
    const vault = { address, abi: VAULT_ABI, blockNumber } as const
    const view = <F extends 'insuring' | 'frozen' | 'withdrawalCount' | 'depositQueue' | 'lastCheckpoint'>(
      functionName: F,
    ) => read.readContract({ ...vault, functionName })
    const stored = await Promise.all(
      Array.from({ length: ASSETS }, (_, a) => read.readContract({ ...vault, functionName: 'ledger', args: [a] })),
    )
    for (const [what, besides, own, key] of [
      ['backstop', batches.backstop, this.backstop, 'backstop'],
      ['list of what accounts hold', batches.accounts, this.accounts, 'accounts'],
    ] as const)
      if (besides !== undefined)
        requireSame(
          what,
          own.map((amount, a) => amount + besides[a]!),
          stored.map((ledger) => ledger[key]),
        )
    for (const [what, own, key] of [
      ['list of what is withdrawn', this.pending, 'pending'],
      ['list of what waits to be paid in full', this.waiting, 'waiting'],
      ['list of what can be claimed', this.claimable, 'claimable'],
      ['list of what is deposited and not credited', this.queued, 'queued'],
    ] as const)
      requireSame(
        what,
        own,
        stored.map((ledger) => ledger[key]),
      )
    requireSame('cash of insurers that waits', this.insuring, await view('insuring'))
    requireSame('word on whether it is frozen', this.frozen, await view('frozen'))
    requireSame('number of withdrawals', this.#withdrawals.length, await view('withdrawalCount'))
    requireSame('queue of deposits', [this.#head, this.#deposits.length], await view('depositQueue'))
    for (const peer of ['settlement', 'forced', 'insurance', 'escape', 'market'] as const)
      requireSame(peer, this.#peers?.[peer], await read.readContract({ ...vault, functionName: peer }))
    const { root, round, deposits, epoch } = await view('lastCheckpoint')
    requireSame('number of checkpoints', this.epochs, epoch)
    const last = { ...this.#record }
    if (epoch === 0n) {
      // Before the first there is the root of no accounts, with which the vault was bound.
      const settlement = { address: this.#peers!.settlement, abi: SETTLEMENT_ABI, blockNumber } as const
      last.root = await read.readContract({ ...settlement, functionName: 'emptyRoot' })
    }
    requireSame('last checkpoint', [last.root, last.round, last.deposits], [root, round, deposits])
    for (const [e, ratio] of this.#ratios)
      requireSame(`ratio of epoch ${e}`, ratio, await read.readContract({ ...vault, functionName: 'ratio', args: [e] }))
    const ask = async (own: Deposit) => ({
      own,
      deposit: await read.readContract({ ...vault, functionName: 'deposit', args: [own.id] }),
      owner: await read.readContract({ ...vault, functionName: 'ownerOf', args: [Number(own.index)] }),
    })
    for await (const { own, deposit: d, owner } of inOrder(this.#deposits, ask)) {
      requireSame(
        `deposit ${own.id}`,
        [own.depositor, own.asset, own.kind, STATES[own.state], own.index, own.deadline, own.amount],
        [d.depositor, d.asset, d.kind, d.state, d.index, d.deadline, d.amount],
      )
      const key = own.kind === OPEN ? ownerOf([own.ax, own.ay]) : owner
      requireSame(`owner of account ${own.index}`, key, owner)
    }
  }

  #requireAsset(event: EventOf<'vault' | 'escape'>): void {
    if ('asset' in event.args) require(event, event.args.asset < this.#assets.length, 'there is no such asset')
  }

  #deposit(event: EventOf<'vault'>, id: bigint): Deposit {
    const deposit = this.#deposits[Number(id)]
    require(event, deposit !== undefined, `deposit ${id} was never made`)
    return deposit
  }

  #taken(
    event: Extract<EventOf<'vault'>, { eventName: 'DepositConsumed' | 'DepositBounced' }>,
    step: StepPublic | undefined,
  ): void {
    const deposit = this.#deposit(event, event.args.id)
    require(event, event.args.id === BigInt(this.#head), 'another deposit is the next')
    if (step !== undefined) {
      const opens = deposit.kind === OPEN
      const { index, asset, amount, ax, ay } = deposit
      const same =
        Number(index) === step.index &&
        asset === step.asset &&
        amount === step.amount &&
        opens === (step.op === OP.open) &&
        (!opens || (ax === step.u && ay === step.v))
      require(event, same, 'its step says something else')
    }
    this.#head++
    deposit.state = event.eventName === 'DepositBounced' ? 'bounced' : 'consumed'
    if (deposit.state === 'consumed') this.queued[deposit.asset]! -= deposit.amount
  }

  #takenBack(event: Extract<EventOf<'vault'>, { eventName: 'TakenBack' }>): void {
    const deposit = this.#deposit(event, event.args.id)
    const { asset, amount } = deposit
    require(event, event.args.id >= BigInt(this.#head) && amount > 0n, 'the deposit does not wait')
    require(event, event.args.tokenAmount === this.#tokens(asset, amount), 'it pays another amount')
    this.queued[asset]! -= amount
    deposit.amount = 0n
  }

  /** A consumed deposit is refunded only after a freeze, when it had not been there at the checkpoint. */
  #refunded(event: Extract<EventOf<'vault'>, { eventName: 'Refunded' }>): void {
    const deposit = this.#deposit(event, event.args.id)
    const { asset, amount, state } = deposit
    const free = state === 'bounced' || (this.frozen && state !== 'refunded' && event.args.id >= this.#record.deposits)
    require(event, free, 'the deposit is not to be refunded')
    require(event, event.args.tokenAmount === this.#tokens(asset, amount), 'it pays another amount')
    if (state === 'consumed') this.accounts[asset]! -= amount
    else this.queued[asset]! -= amount
    deposit.state = 'refunded'
  }

  #claimed(event: Extract<EventOf<'vault'>, { eventName: 'Claimed' }>): void {
    const withdrawal = this.withdrawal(event, event.args.id)
    const { asset, amount, epoch, inFull, claimed } = withdrawal
    const due = epoch < this.epochs && (!inFull || epoch < this.#sound || this.frozen)
    require(event, due && !claimed, 'the withdrawal is not to be paid')
    const [num, den] = inFull ? (epoch < this.#sound ? [1n, 1n] : this.#ratio(this.epochs - 1n)) : this.#ratio(epoch)
    const paid = this.#tokens(asset, (amount * num) / den)
    require(event, event.args.tokenAmount === paid, 'it pays another amount')
    withdrawal.claimed = true
    this.claimable[asset]! -= this.#baseUnits(asset, paid)
  }

  /** Under water, as `num < den` says, a part of the epoch's withdrawals is paid, and those in full wait; else all is paid. */
  #checkpoint(event: Extract<EventOf<'vault'>, { eventName: 'Checkpointed' }>, now: Public): void {
    const { epoch, root, round, deposits, num, den } = event.args
    require(event, epoch === this.epochs + 1n, 'it is not the next checkpoint')
    require(event, now.root === undefined || root === now.root, "its root is not the accounts'")
    require(event, round === BigInt(now.round), 'its round is not the last')
    require(event, deposits === BigInt(this.#head), 'it counts other deposits')
    require(event, num <= den && den > 0n, 'it pays more than all')
    const underWater = num < den
    if (underWater) this.#ratios.set(this.epochs, [num, den])
    else this.#sound = epoch
    this.#payOut(
      this.pending.map((pending, a) => pending - this.#inFull[a]!),
      num,
      den,
    )
    for (const [a, whole] of this.#inFull.entries()) {
      if (underWater) {
        this.waiting[a]! += whole
      } else {
        this.claimable[a]! += whole + this.waiting[a]!
        this.waiting[a] = 0n
      }
    }
    this.pending.fill(0n)
    this.#inFull.fill(0n)
    this.epochs = epoch
    this.#record = { root, round, deposits }
  }

  #ratio(epoch: bigint): readonly [num: bigint, den: bigint] {
    return this.#ratios.get(epoch) ?? [1n, 1n]
  }

  #payOut(amounts: readonly bigint[], num: bigint, den: bigint): void {
    for (const [a, amount] of amounts.entries()) {
      const paid = (amount * num) / den
      this.claimable[a]! += paid
      this.backstop[a]! += amount - paid
    }
  }

  /** Token units of an amount, rounded down. */
  #tokens(asset: number, amount: bigint): bigint {
    const info = this.#assets[asset]!
    return (amount * tokenUnitsPerUnit(info)) / unitsPerTokenUnit(info)
  }

  #baseUnits(asset: number, tokenAmount: bigint): bigint {
    const info = this.#assets[asset]!
    return (tokenAmount * unitsPerTokenUnit(info)) / tokenUnitsPerUnit(info)
  }
}
