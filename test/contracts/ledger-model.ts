import assert from 'node:assert/strict'

import { type Address, getAddress, type TransactionReceipt } from 'viem'

import type { Contract, Event } from './chain.ts'
import {
  abandon,
  type CheckpointRecord,
  exitCall,
  force,
  forceClose,
  fund,
  keyOf,
  type LedgerEntry,
  ledgerOf,
  liquidate,
  open,
  refusesTransact,
  step,
  topUp,
  transact,
} from './custody.ts'
import { BTC, ETH, type Market, nextRound, refreshFeeds, TIMES } from './market.ts'
import { marksOf, randomizer } from './mirror.ts'
import { OwedLine } from './owed-line.ts'

const SPOT = [0, 1, 3, 4]
const ASSETS = 5
const HALF = 1n << 32n
/** Shares of a unit of cash at first. */
const SHARE = 1_000_000n
const min = (a: bigint, b: bigint) => (a < b ? a : b)
const abs = (a: bigint) => (a < 0n ? -a : a)
const floorDiv = (a: bigint, b: bigint) => (a >= 0n || a % b === 0n ? a / b : a / b - 1n)

interface Queued {
  id: bigint
  kind: 'open' | 'topUp'
  index: bigint
  asset: number
  amount: bigint
  user: Address
  state: 'queued' | 'consumed' | 'bounced' | 'refunded'
}

interface Conversion {
  converted: bigint
  minted: bigint
  paid: bigint
  burned: bigint
}

interface Withdrawal {
  id: bigint
  asset: number
  amount: bigint
  to: Address
  epoch: bigint
  inFull: boolean
  claimed: boolean
}

/** A vault's model that knows every private balance, and the users and operator who act on both. */
export class Model {
  readonly market: Market
  readonly #books: Contract
  readonly users: Address[]
  readonly pick: (end: number) => number
  readonly random: (end: bigint) => bigint
  balances: bigint[][] = []
  backstop = Array<bigint>(ASSETS).fill(0n)
  pending = Array<bigint>(ASSETS).fill(0n)
  /** Of `pending`, to be paid in full or to wait; and what waits from before. */
  pendingInFull = Array<bigint>(ASSETS).fill(0n)
  waiting = Array<bigint>(ASSETS).fill(0n)
  claimable = Array<bigint>(ASSETS).fill(0n)
  readonly owed = new OwedLine()
  /** Shares of insurers and nobody's, and those offered. */
  shares = 0n
  offered = 0n
  insuring = 0n
  deposits: Queued[] = []
  head = 0
  withdrawals: Withdrawal[] = []
  marks: bigint[][] = []
  /** Of assets 1 to 7 at the round, as the feeds say. */
  prices: bigint[] = []
  /** As of the last checkpoint. */
  saved: { balances: bigint[][]; prices: bigint[]; head: number } = { balances: [], prices: [], head: 0 }
  epoch = 0n
  ethPrice = 194_61000000n
  btcPrice = 5_000_00000000n
  /** How often what happened. */
  readonly counts: Record<string, number> = { conversion: 0 }

  /** @param books A `Books` of the market's vault. */
  constructor(market: Market, books: Contract, seed: bigint) {
    this.market = market
    this.#books = books
    this.users = market.chain.accounts.slice(2, 8)
    this.random = randomizer(seed)
    this.pick = (end) => Number(this.random(BigInt(end)))
  }

  /** An insurer, and four accounts, two of them with as much of the synthetic as they can carry, long and short. */
  async begin(): Promise<void> {
    await this.round()
    for (const [asset, whole] of [
      [0, 5_000n],
      [1, 20n],
      [0, 2_000n],
      [0, 2_500n],
    ] as const)
      await this.#open(asset, whole * (asset === 0 ? 1_000_000n : 10n ** 8n))
    while (this.head < this.deposits.length) await this.consume()
    // Nobody owes anything yet, so the next checkpoint converts.
    await this.#insureOf(this.users[0]!, 300_000_000n)
    await this.round()
    while ((await this.market.settlement.read<bigint>('head', 1n)) !== 0n) await this.settle([])
    await this.checkpoint()
    assert.ok(this.shares > 0n && this.insuring === 0n)
    for (const [a, b, asset, whole] of [
      [2, 3, 2, 4n],
      [2, 3, 2, 1n],
      [1, 0, 1, 30n],
    ] as const)
      await this.#trade(a, b, asset, whole * 10n ** 8n)
  }

  /** Goes on where another model is, of a chain that was set back to that place. Nobody has withdrawn there. */
  goOnFrom(other: Model): void {
    assert.equal(other.withdrawals.length, 0)
    for (const amounts of [other.pending, other.waiting, other.claimable, [other.insuring]])
      assert.ok(amounts.every((amount) => amount === 0n))
    const { balances, deposits, head, marks, prices, saved, epoch, ethPrice, btcPrice, sound, ratio } = other
    const { backstop, shares, loss } = other
    Object.assign(
      this,
      structuredClone({
        backstop,
        shares,
        loss,
        balances,
        deposits,
        head,
        marks,
        prices,
        saved,
        epoch,
        ethPrice,
        btcPrice,
        sound,
        ratio,
      }),
    )
  }

  #user(): Address {
    return this.users[this.pick(this.users.length)]!
  }

  /** Units of the rollup that are one token unit, and the other way round. */
  static #scale = (asset: number) => (asset === 3 ? 10n ** 8n : 1n)
  static unit = (asset: number) => [1n, 10n ** 10n, 0n, 0n, 10n ** 16n][asset]!
  static tokens = (asset: number, amount: bigint) => (asset === 3 ? amount / 10n ** 8n : amount * Model.unit(asset))

  #price(asset: number): bigint {
    return asset === 0 ? HALF : this.prices[asset - 1]!
  }

  /** Health with maintenance marks (1, 2) or initial marks (9, 10), 2^32 scale. */
  #health(balances: bigint[], asset: number, liability: number): bigint {
    return balances.reduce(
      (sum, b, a) => sum + b * (a === 0 ? HALF : this.marks[a - 1]![b > 0n ? asset : liability]!),
      0n,
    )
  }

  #safe = (balances: bigint[]) => balances.every((b) => b >= 0n) || this.#health(balances, 9, 10) >= HALF

  #amount(asset: number): bigint {
    return (1n + this.random(asset === 0 ? 5_000n : 20n)) * (asset === 0 ? 1_000_000n : 10n ** 8n)
  }

  #account(): number | undefined {
    return this.balances.length === 0 ? undefined : this.pick(this.balances.length)
  }

  async free(asset: number): Promise<bigint> {
    return this.market.vault.read<bigint>('free', asset)
  }

  /** What a settlement did beyond its batches. */
  #follow(events: Event[]): void {
    for (const { name, args } of events) {
      if (name === 'WithdrawalPending') {
        this.withdrawals.push({
          id: args.id as bigint,
          asset: args.asset as number,
          amount: args.amount as bigint,
          to: args.recipient as Address,
          epoch: args.epoch as bigint,
          inFull: args.inFull as boolean,
          claimed: false,
        })
        assert.equal(args.epoch, this.epoch)
      } else if (name === 'Checkpointed') {
        this.#checkpointed(args)
      } else if (name === 'Converted') {
        // Its event comes before the checkpoint's, so the ratio has not been applied yet; under water there is none.
        this.#conversion = args as unknown as Conversion
      } else if (name === 'Repaid') {
        this.#repaid = args.amount as bigint
      } else if (name === 'Owed') {
        this.#owedNow = args.amount as bigint
      }
    }
  }

  #conversion: Conversion | undefined
  #repaid = 0n
  #owedNow = 0n

  #checkpointed(args: Record<string, unknown>): void {
    const worth = (amounts: readonly bigint[]) => amounts.reduce((sum, x, a) => sum + x * this.#price(a), 0n)
    const equity = worth(this.backstop)
    const total = this.balances.reduce((sum, balances) => sum + worth(balances), 0n)
    const value = total + equity + worth(this.pending) + worth(this.waiting)
    const [num, den] = equity < 0n ? [value, value - equity] : [1n, 1n]
    assert.deepEqual([args.num, args.den], [num, den])
    const cut = this.pending.map((amount, a) => (equity < 0n ? amount - this.pendingInFull[a]! : 0n))
    for (let a = 0; a < ASSETS; a++) {
      const unpaid = cut[a]! - (cut[a]! * num) / den
      const stays = equity < 0n ? this.pendingInFull[a]! : -this.waiting[a]!
      this.claimable[a]! += this.pending[a]! - unpaid - stays
      this.waiting[a]! += stays
      this.backstop[a]! += unpaid
      this.pending[a] = 0n
      this.pendingInFull[a] = 0n
      if (stays > 0n) this.#count('withdrawal that waits')
      if (stays < 0n) this.#count('withdrawal in full after all')
    }
    const prices = this.backstop.map((_, a) => this.#price(a))
    const owed = equity < 0n ? this.owed.cut(this.epoch, cut, prices, num, den) : 0n
    assert.equal(this.#owedNow, owed)
    if (owed > 0n) this.#count('debt')
    this.#owedNow = 0n
    if (equity >= 0n) this.#insured(equity)
    else assert.deepEqual([this.#repaid, this.#conversion], [0n, undefined])
    if (equity < 0n) this.#count('checkpoint under water')
    else this.sound = this.epoch + 1n
    this.ratio = [num, den]
    this.epoch++
    this.saved = { balances: this.balances.map((b) => [...b]), prices: [...this.prices], head: this.head }
    this.loss = 0n
  }

  /** Epochs up to the last that ended with the backstop not under water. */
  sound = 0n
  /** What the last checkpoint paid of withdrawals. */
  ratio: [bigint, bigint] = [1n, 1n]

  /** What the backstop repays, then who comes in and goes, by the formula. */
  #insured(equity: bigint): void {
    const free = this.balances.reduce((sum, b) => sum + b[0]!, 0n) + this.backstop[0]!
    let most = min(this.backstop[0]! > 0n ? this.backstop[0]! : 0n, free > 0n ? free : 0n)
    let low = this.backstop.reduce((sum, x, a) => sum + x * (a === 0 ? HALF : this.marks[a - 1]![x > 0n ? 5 : 6]!), 0n)
    const repaid = min(min(low > 0n ? low / HALF : 0n, most), this.owed.outstanding)
    assert.equal(this.#repaid, repaid)
    if (repaid > 0n) this.#count('repayment')
    this.#repaid = 0n
    this.owed.repaid += repaid
    this.backstop[0]! -= repaid
    this.claimable[0]! += repaid
    most -= repaid
    low -= repaid * HALF
    if (this.#conversion === undefined) return

    const { converted, minted, paid, burned } = this.#conversion
    this.#conversion = undefined
    const debt = this.owed.outstanding * HALF
    const net = (equity - repaid * HALF - debt) / HALF
    assert.ok(net >= 0n && converted <= this.insuring)
    const all = this.shares === 0n ? net * SHARE : this.shares
    assert.equal(minted, (converted * (all + SHARE)) / (net + 1n))
    const left = low - debt
    const fair = left < 0n ? 0n : (this.offered * (left / HALF + 1n)) / (all + SHARE)
    assert.equal(paid, min(fair, most))
    assert.equal(burned, fair === 0n ? 0n : (this.offered * paid + fair - 1n) / fair)
    this.shares = all + minted - burned
    this.offered = 0n
    this.insuring -= converted
    this.backstop[0]! += converted - paid
    this.claimable[0]! += paid
    this.#count('conversion')
    if (paid > 0n) this.#count('redemption')
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  /** Steps that the model has booked already, or that move nothing. */
  async settle(steps: bigint[][]): Promise<void> {
    // The insurance's events are to be seen before the checkpoint's.
    const events = await transact(this.market, steps, { inboxAfter: this.pick(3) === 0 ? 5n : 0n })
    const first = ({ name }: Event) => Number(name === 'Converted' || name === 'Repaid' || name === 'Owed')
    this.#follow(events.sort((a, b) => first(b) - first(a)))
  }

  #receipt(receipt: TransactionReceipt): void {
    const { insurance, vault } = this.market
    this.#follow([...insurance.events(receipt), ...vault.events(receipt)])
  }

  /** Posts a round at other prices and closes whoever is breached, in one settlement. */
  async round(): Promise<void> {
    const move = (price: bigint) =>
      (price * (this.pick(3) === 0 ? 600n + this.random(800n) : 930n + this.random(140n))) / 1000n
    this.ethPrice = min(move(this.ethPrice), 100_000_00000000n)
    this.btcPrice = min(move(this.btcPrice), 1_000_000_00000000n)
    if (this.ethPrice < 1_00000000n) this.ethPrice = 100_00000000n
    // Now and then the token is worth nothing, for one round.
    const collapsed = this.pick(40) === 0
    if (collapsed) this.#count('collapse')
    await this.#post(collapsed ? this.random(100n) + 1n : this.ethPrice)
  }

  /** Prices move against what the backstop holds and owes, just when somebody withdraws. */
  async crisis(): Promise<void> {
    const against = (held: bigint) => (held > 0n ? 80n : held < 0n ? 125n : 100n)
    const ofEth = [1, 3, 4].reduce((sum, a) => sum + this.backstop[a]! * this.#price(a), 0n)
    this.ethPrice = (this.ethPrice * against(ofEth)) / 100n
    this.btcPrice = (this.btcPrice * against(this.backstop[2]!)) / 100n
    await this.#post(this.ethPrice)
    await this.withdraw()
    await this.withdraw()
    await this.checkpoint()
  }

  /** Posts a round and closes whoever is breached. */
  async #post(ethPrice: bigint): Promise<void> {
    await nextRound(this.market, ethPrice, this.btcPrice)
    this.marks = await this.market.rounds.read('marks')
    this.prices = (await this.market.rounds.read<[bigint, bigint, bigint[]]>('round'))[2]
    await this.#requireSteadyMaintenance()
    const delta = Array<bigint>(ASSETS).fill(0n)
    let badDebt = 0n
    for (const balances of this.balances) {
      if (this.#health(balances, 1, 2) >= 0n) continue
      let proceeds = 0n
      for (let a = 1; a < ASSETS; a++) {
        const b = balances[a]!
        proceeds += b * this.marks[a - 1]![b > 0n ? 5 : 6]!
        delta[a]! += b
        balances[a] = 0n
      }
      let cash = balances[0]! + floorDiv(proceeds, HALF)
      if (cash < 0n) {
        badDebt -= cash
        cash = 0n
        this.#count('bad debt')
      }
      delta[0]! += balances[0]! - cash
      balances[0] = cash
      this.#count('liquidation')
    }
    if (delta.every((change) => change === 0n) && this.pick(2) === 0) return
    for (let a = 0; a < ASSETS; a++) this.backstop[a]! += delta[a]!
    this.#receipt(await liquidate(this.market, delta, badDebt))
  }

  /**
   * Whatever the rule did to initial margins, depth and liquidity, maintenance is the deployment's at the price: so whoever is
   * breached is breached by the price.
   */
  async #requireSteadyMaintenance(): Promise<void> {
    const steady = [ETH, BTC, ETH, ETH].map((parameters, i) => marksOf(this.prices[i]!, parameters))
    for (const [i, marks] of steady.entries()) {
      assert.deepEqual(this.marks[i]!.slice(0, 7), marks.slice(0, 7))
      if (marks[9] !== this.marks[i]![9]) this.#count(`other initial margin of ${i + 1}`)
      if (marks[7] !== this.marks[i]![7]) this.#count(`other depth of ${i + 1}`)
    }
  }

  async deposit(): Promise<void> {
    const asset = SPOT[this.pick(4)]!
    const amount = this.#amount(asset)
    const user = this.#user()
    const opens = this.deposits.filter(({ kind }) => kind === 'open').length
    const topping = opens > 0 && (opens >= 6 || this.pick(2) === 0)
    if (!topping) return this.#open(asset, amount, user)
    const index = BigInt(this.pick(opens))
    this.#queue('topUp', await topUp(this.market, user, index, asset, Model.tokens(asset, amount)), asset, amount, user)
  }

  async #open(asset: number, amount: bigint, user = this.#user()): Promise<void> {
    const opens = this.deposits.filter(({ kind }) => kind === 'open').length
    const key = keyOf(50n + BigInt(opens))
    this.#queue(
      'open',
      await open(this.market, user, asset, Model.tokens(asset, amount), key, true),
      asset,
      amount,
      user,
    )
  }

  #queue(
    kind: Queued['kind'],
    event: { id: bigint; index: bigint; amount: bigint },
    asset: number,
    amount: bigint,
    user: Address,
  ): void {
    assert.equal(event.amount, amount)
    this.deposits.push({ id: event.id, kind, index: event.index, asset, amount, user, state: 'queued' })
  }

  async consume(): Promise<void> {
    const steps: bigint[][] = []
    for (let i = 0; i < 3 && this.head < this.deposits.length; i++) {
      const d = this.deposits[this.head++]!
      const asset = BigInt(d.asset)
      if (d.kind === 'open') {
        steps.push(step.open(d.index, asset, d.amount, keyOf(50n + d.index)))
        this.balances.push(Array<bigint>(ASSETS).fill(0n))
      } else if (d.amount > 0n && this.pick(6) === 0) {
        steps.push(step.bounce(d.index, asset, d.amount))
        d.state = 'bounced'
        this.#count('bounce')
        continue
      } else {
        steps.push(step.topUp(d.index, asset, d.amount))
      }
      d.state = 'consumed'
      this.balances[Number(d.index)]![d.asset]! += d.amount
    }
    if (steps.length > 0) await this.settle(steps)
  }

  /** By request or by force, of what it has or of what it borrows. */
  async withdraw(): Promise<void> {
    const index = this.#account()
    if (index === undefined) return
    const asset = SPOT[this.pick(4)]!
    const available = await this.free(asset)
    let amount = min(this.random(2n * this.#amount(asset)), available)
    const afterwards = () => this.balances[index]!.with(asset, this.balances[index]![asset]! - amount)
    // As much of it as leaves the account above its initial margin.
    while (amount > 0n && !this.#safe(afterwards())) amount /= 2n
    amount -= amount % Model.#scale(asset)
    const after = afterwards()
    if (amount === 0n || !this.#safe(after)) return
    const to = this.#user()
    if (after[asset]! < 0n) this.#count('borrow')
    this.balances[index] = after
    this.pending[asset]! += amount
    const inFull = this.pick(3) === 0
    if (inFull) this.pendingInFull[asset]! += amount
    if (this.pick(4) === 0) {
      const request = await force(this.market, this.#user(), {
        index: BigInt(index),
        asset: BigInt(asset),
        amount,
        recipient: to,
        inFull,
      })
      await this.settle([step.forced(request)])
      this.#count('forced withdrawal')
    } else {
      await this.settle([step.withdraw(BigInt(index), BigInt(asset), amount, to, inFull)])
    }
    this.#count('withdrawal')
  }

  /** A position in the synthetic is closed by force at a later round, discharged if there is none by then, or has to wait. */
  async closeByForce(): Promise<void> {
    const { forced, chain, vault } = this.market
    const holders = this.balances.flatMap((balances, i) => (balances[2] === 0n ? [] : [i]))
    const index = holders[this.pick(holders.length || 1)]
    if (index === undefined) return
    const before = this.balances[index]![2]!
    const buys = before < 0n
    const amount = min(1n + this.random(2n * abs(before)), await forced.read<bigint>('closeMost', 2n))
    const [limit, expiry] = [buys ? (1n << 64n) - 1n : 0n, (await chain.now()) + 100_000n]
    const asked = { index: BigInt(index), amount, buys, limit, expiry }
    const request = await forceClose(this.market, chain.accounts[9]!, asked)
    await this.#post(this.ethPrice)
    const balances = this.balances[index]!
    const position = balances[2]!
    const possible = buys ? position < 0n : position > 0n
    const x = possible ? min(amount, abs(position)) : 0n
    const worth = x * this.marks[1]![buys ? 6 : 5]!
    const y = buys ? (worth + HALF - 1n) / HALF : worth / HALF
    const sign = buys ? 1n : -1n
    const steps = [possible ? step.close(request, x, y) : step.dischargeClose(request)]
    const most = await forced.read<bigint>('closeMost', 2n)
    const [held, { equity }] = [this.backstop[2]!, await vault.read<CheckpointRecord>('lastCheckpoint')]
    const afterwards = abs(held - sign * (possible ? x : amount))
    if (equity < 0n || (afterwards > most && afterwards > abs(held))) {
      await refusesTransact(this.market, 'NotCloseable', steps, [request.number])
      await chain.mineAt(expiry + 1n)
      await forced.write('closeExpired', [request.number])
      this.#count('forced close that waits')
      return
    }
    this.balances[index] = balances.map((v, a) => (a === 0 ? v - sign * y : a === 2 ? v + sign * x : v))
    this.backstop[2]! -= sign * x
    this.backstop[0]! += sign * y
    await this.settle(steps)
    this.#count(possible ? 'forced close' : 'forced close discharged')
  }

  /** Between two accounts, of any asset: nothing of it is public but the indices. */
  async trade(): Promise<void> {
    const [a, b] = [this.#account(), this.#account()]
    if (a === undefined || b === undefined || a === b) return
    const asset = 1 + this.pick(ASSETS - 1)
    await this.#trade(a, b, asset, 4n * this.#amount(asset))
  }

  /** As much of it as leaves both above their targets. */
  async #trade(a: number, b: number, asset: number, most: bigint): Promise<void> {
    let x = most
    const swap = (balances: bigint[], sign: bigint) => {
      const y = (x * this.#price(asset)) / HALF
      return balances.map((v, i) => (i === 0 ? v - sign * y : i === asset ? v + sign * x : v))
    }
    while (x > 0n && !(this.#safe(swap(this.balances[a]!, 1n)) && this.#safe(swap(this.balances[b]!, -1n)))) x /= 2n
    if (x === 0n) return
    const [first, second] = [swap(this.balances[a]!, 1n), swap(this.balances[b]!, -1n)]
    this.balances[a] = first
    this.balances[b] = second
    await this.settle([step.trade(BigInt(a)), step.trade(BigInt(b))])
    this.#count('trade')
  }

  /** Units of an asset that the backstop trades now, and for some seconds more. */
  async #offered(asset: number): Promise<bigint> {
    const [, timestamp] = await this.market.rounds.read<[bigint, bigint]>('round')
    if ((await this.market.chain.now()) + 10n >= timestamp + BigInt(TIMES.maxAge)) return 0n
    const [, , available] = await this.market.market.read<[boolean, unknown, bigint]>('lots', BigInt(asset))
    return available
  }

  /** Cash for so many units inside and outside, at this second; undefined where the backstop has not so much of its own. */
  async #quoted(asset: number, x: bigint): Promise<readonly [inside: bigint, outside: bigint] | undefined> {
    const { market } = this.market
    const spendable = min(this.backstop[0]!, await this.free(0))
    try {
      const [, inside, outside] = await market.read<[boolean, bigint, bigint]>('quote', BigInt(asset), x)
      if (this.backstop[asset]! > 0n) return [inside, outside]
      assert.ok(outside <= spendable)
      // It costs more every second.
      return outside + outside / 100n < spendable ? [inside, outside] : undefined
    } catch (error) {
      assert.match(String(error), /BeyondCash/)
      assert.ok(this.backstop[asset]! < 0n)
      this.#count('purchase beyond cash')
      return undefined
    }
  }

  async unwind(): Promise<void> {
    const index = this.#account()
    const asset = [1, 2, 3, 4].find((a) => this.backstop[a] !== 0n && this.pick(2) === 0)
    if (index === undefined || asset === undefined) return
    const buys = this.backstop[asset]! > 0n
    const size = await this.#offered(asset)
    if (size === 0n) return
    const sign = buys ? 1n : -1n
    // The prices of this second are the most that a buyer has to pay in the next, and the least that a seller may ask.
    for (let x = min(1n + this.random(size), size); x > 0n; x /= 2n) {
      const quoted = await this.#quoted(asset, x)
      if (quoted === undefined) continue
      const [y] = quoted
      const after = this.balances[index]!.map((v, i) => (i === 0 ? v - sign * y : i === asset ? v + sign * x : v))
      if (!this.#safe(after)) continue
      this.balances[index] = after
      this.backstop[asset]! -= sign * x
      this.backstop[0]! += sign * y
      await this.settle([step.unwind(BigInt(index), BigInt(asset), x, y, buys ? 1n : 0n)])
      this.#count('unwind')
      return
    }
  }

  /** Free custody, but for deposits since the last checkpoint, which a freeze gives back. */
  async #takeable(asset: number): Promise<bigint> {
    const free = await this.free(asset)
    const { consumed } = await ledgerOf(this.market.vault, asset)
    const record = await this.market.vault.read<CheckpointRecord>('lastCheckpoint')
    const rest = free + this.pending[asset]! - (consumed - record.consumed[asset]!)
    return rest < 0n ? 0n : min(rest, free)
  }

  /** Somebody outside takes of the lots, for tokens. */
  async take(): Promise<void> {
    if (!this.outside) return
    const { market: sale, tokens, vault } = this.market
    const asset = [1, 3, 4].find((a) => this.backstop[a] !== 0n && this.pick(2) === 0)
    if (asset === undefined) return
    // Half of the time the lots are past the mark.
    const late = this.pick(2) === 0
    for (let i = 0; late && i < 4; i++) await this.#post(this.ethPrice)
    if (this.backstop[asset] === 0n) return
    const sells = this.backstop[asset]! > 0n
    const offered = await this.#offered(asset)
    const out = sells ? asset : 0
    const takeable = await this.#takeable(out)
    let x = sells ? min(offered, takeable) : offered
    if (x <= 0n) return
    x = 1n + this.random(x)
    x -= x % Model.#scale(asset)
    const quoted = x === 0n ? undefined : await this.#quoted(asset, x)
    if (quoted === undefined || quoted[1] === 0n || (!sells && (quoted[1] * 101n) / 100n > takeable)) return
    const user = this.#user()
    const into = sells ? 0 : asset
    await fund(this.market, user, into, Model.tokens(into, sells ? quoted[1] : x))
    const held = () => tokens[out]!.read<bigint>('balanceOf', user)
    const before = await held()
    const receipt = await sale.write('take', [asset, x, quoted[1], user, '0x'], user)
    const fill = sale.events(receipt).at(-1)!
    const cash = fill.args.cash as bigint
    // A second later it is as cheap, or cheaper; who sells to it gets as much, or more.
    assert.ok(sells ? cash <= quoted[1] : cash >= quoted[1])
    assert.equal((await held()) - before, Model.tokens(out, sells ? x : cash))
    assert.equal(this.#paid(into, getAddress(vault.address), receipt), Model.tokens(into, sells ? cash : x))
    this.backstop[asset]! -= sells ? x : -x
    this.backstop[0]! += sells ? cash : -cash
    const worse = (sells ? 1n : -1n) * (x * this.marks[asset - 1]![0]! - cash * HALF)
    assert.equal(fill.args.loss, worse > 0n ? worse : 0n)
    if (worse > 0n) {
      this.loss += worse
      this.#count('take at a discount')
    }
    this.#count('take')
  }

  /** Whether there are takers outside. */
  outside = true
  /** Value that left at a discount since the last checkpoint, which insurers bear. */
  loss = 0n

  async claim(): Promise<void> {
    const open = this.withdrawals.filter(({ claimed, epoch }) => !claimed && epoch < this.epoch)
    const w = open[this.pick(open.length || 1)]
    if (w === undefined) return
    if (w.inFull && w.epoch >= this.sound) await this.market.vault.refuses('NotCheckpointed', 'claim', [w.id])
    else await this.#claimOne(w)
  }

  /** What was repaid of a cut withdrawal. */
  async collectOwed(): Promise<void> {
    const { insurance } = this.market
    const cut = this.withdrawals.filter((w) => this.owed.partOf(w, this.owed.total) > 0n)
    const w = cut[this.pick(cut.length || 1)]
    if (w === undefined) return
    const due = this.owed.due(w)
    if (due === 0n) return insurance.refuses('NothingToCollect', 'collectOwed', [w.id])
    assert.equal(this.#paid(0, w.to, await insurance.write('collectOwed', [w.id])), due)
    this.owed.collect(w.id, due)
    this.claimable[0]! -= due
    this.#count('collection of a debt')
  }

  /** A gift that lifts the backstop above water by less than it owes. */
  async rescue(): Promise<void> {
    const equity = this.backstop.reduce((sum, x, a) => sum + x * this.#price(a), 0n)
    if (equity >= 0n && this.owed.outstanding === 0n) return
    const deficit = equity < 0n ? -equity / HALF + 1n : 0n
    const amount = deficit + 1n + this.random(this.owed.outstanding + 1n)
    const user = this.#user()
    await fund(this.market, user, 0, amount)
    await this.market.vault.write('donate', [0, amount], user)
    this.backstop[0]! += amount
    await this.checkpoint()
  }

  /** A gift of a token, which joins the youngest lot, or nets out what the backstop is short of. */
  async gift(): Promise<void> {
    const asset = [1, 3, 4][this.pick(3)]!
    const user = this.#user()
    const amount = 10n ** 8n * (1n + this.random(3n))
    await fund(this.market, user, asset, Model.tokens(asset, amount))
    await this.market.vault.write('donate', [asset, Model.tokens(asset, amount)], user)
    this.backstop[asset]! += amount
    this.#count('gift of a token')
  }

  /** Time goes by without the operator, until a deposit is late; then its depositor takes it back. */
  async takeBack(): Promise<void> {
    const { vault, chain } = this.market
    const late = this.deposits.slice(this.head).filter(({ amount }) => amount > 0n)
    const d = late[this.pick(late.length || 1)]
    if (d === undefined) return
    for (let i = 0; i < 2; i++) {
      await chain.mineAt((await chain.now()) + 4_000n)
      await this.round()
    }
    const { deadline } = await vault.read<{ deadline: number }>('deposit', d.id)
    if (BigInt(deadline) >= (await this.market.rounds.read<bigint>('liveTime')))
      return vault.refuses('NotOverdue', 'takeBack', [d.id], [d.id], d.user)
    const receipt = await vault.write('takeBack', [d.id], d.user)
    assert.equal(this.#paid(d.asset, d.user, receipt), Model.tokens(d.asset, d.amount))
    d.amount = 0n
    this.#count('deposit taken back')
  }

  async #claimOne(w: Withdrawal): Promise<void> {
    const { vault } = this.market
    const [num, den] = await vault.read<[bigint, bigint]>('payout', w.id)
    if (w.inFull) assert.deepEqual([num, den], w.epoch < this.sound ? [1n, 1n] : this.ratio)
    let amount = (w.amount * num) / den
    amount -= amount % Model.#scale(w.asset)
    assert.equal(
      this.#paid(w.asset, w.to, await vault.write('claim', [w.id], this.#user())),
      Model.tokens(w.asset, amount),
    )
    w.claimed = true
    this.claimable[w.asset]! -= amount
    this.#count('claim')
  }

  /** Token units that a transaction sent to somebody. */
  #paid(asset: number, to: Address, receipt: TransactionReceipt): bigint {
    const transfers = this.market.tokens[asset]!.events(receipt).filter(
      ({ name, args }) => name === 'Transfer' && args.to === to,
    )
    return transfers.reduce((sum, { args }) => sum + (args.value as bigint), 0n)
  }

  async refund(): Promise<void> {
    const d = this.deposits.find(({ state }) => state === 'bounced')
    if (d === undefined) return
    await this.market.vault.write('refund', [d.id])
    d.state = 'refunded'
    this.#count('refund')
  }

  async insure(): Promise<void> {
    const { insurance, vault } = this.market
    const user = this.#user()
    const amount = this.#amount(0)
    const accepting = await insurance.read<boolean>('accepting')
    switch ([0, 1, 1, 2, 2, 2, 3, 4, 4][this.pick(9)]) {
      case 0: {
        const [waiting] = await insurance.read<[bigint]>('position', user)
        if (waiting === 0n) return
        await insurance.write('cancel', [], user)
        this.insuring -= waiting
        return
      }
      case 1: {
        if (!accepting) return
        // Whoever has shares.
        for (const owner of this.users) {
          const [shares] = await insurance.read<[bigint, bigint]>('sharesOf', owner)
          const [, offered] = await insurance.read<[bigint, bigint, bigint]>('position', owner)
          if (shares <= offered) continue
          const some = 1n + this.random(shares - offered)
          await insurance.write('redeem', [some], owner)
          this.offered += some
          return
        }
        return
      }
      case 2: {
        for (const owner of this.users) {
          const [, , collectable] = await insurance.read<[bigint, bigint, bigint]>('position', owner)
          if (collectable === 0n) continue
          await insurance.write('collect', [], owner)
          this.claimable[0]! -= collectable
          this.#count('collection')
          return
        }
        return
      }
      case 3:
        await fund(this.market, user, 0, amount)
        await vault.write('donate', [0, amount], user)
        this.backstop[0]! += amount
        return
      default:
        if (!accepting) return
        await this.#insureOf(user, amount)
    }
  }

  async #insureOf(user: Address, amount: bigint): Promise<void> {
    await fund(this.market, user, 0, amount)
    await this.market.insurance.write('insure', [amount], user)
    this.insuring += amount
  }

  async checkpoint(): Promise<void> {
    if ((await this.market.settlement.read<bigint>('head', 1n)) !== 0n) return
    this.#receipt(await this.market.settlement.write('checkpoint'))
  }

  async operate(): Promise<void> {
    if (!(await this.market.rounds.read<boolean>('fresh'))) await this.round()
    const kinds = [
      () => this.deposit(),
      () => this.consume(),
      () => this.withdraw(),
      () => this.trade(),
      () => this.unwind(),
      () => this.claim(),
      () => this.insure(),
      () => this.checkpoint(),
      () => this.refund(),
      () => this.round(),
      () => this.collectOwed(),
      () => this.takeBack(),
      () => this.rescue(),
      () => this.crisis(),
      () => this.take(),
      () => this.gift(),
      () => this.closeByForce(),
    ]
    const weights = [8, 10, 16, 13, 8, 6, 10, 4, 4, 6, 16, 1, 6, 3, 6, 1, 4]
    let draw = this.pick(weights.reduce((a, b) => a + b))
    const kind = weights.findIndex((weight) => {
      draw -= weight
      return draw < 0
    })
    await kinds[kind]!()
  }

  /** Custody equals what accounts, backstop, claims and queue add up to; so does the token; and the model agrees. */
  async check(): Promise<void> {
    const [ledgers, held, insuring] = await this.#books.read<[LedgerEntry[], bigint[], bigint]>('all', ASSETS)
    assert.equal(insuring, this.insuring)
    for (let a = 0; a < ASSETS; a++) {
      const l = ledgers[a]!
      assert.equal(
        l.custody,
        l.accounts + l.backstop + l.pending + l.claimable + l.waiting + l.queued + (a === 0 ? insuring : 0n),
        `asset ${a}`,
      )
      assert.equal(
        l.accounts,
        this.balances.reduce((sum, balances) => sum + balances[a]!, 0n),
        `accounts of asset ${a}`,
      )
      assert.equal(l.queued, this.#queued(a), `queue of asset ${a}`)
      assert.deepEqual(
        [l.backstop, l.pending, l.claimable, l.waiting],
        [this.backstop[a], this.pending[a], this.claimable[a], this.waiting[a]],
        `asset ${a}`,
      )
      if (!SPOT.includes(a)) assert.equal(l.custody, 0n)
      else assert.equal(held[a], Model.tokens(a, l.custody))
    }
    // One asset after the other: each look at lots costs a call.
    await this.#checkLots(1 + (this.#looks++ % (ASSETS - 1)))
  }

  #looks = 0

  /** Lots sum to the backstop's balance, on its side. */
  async #checkLots(asset: number): Promise<void> {
    const [sells, offers] = await this.market.market.read<[boolean, { units: bigint }[]]>('lots', BigInt(asset))
    const sum = offers.reduce((sum, { units }) => sum + units, 0n)
    assert.equal(sells ? sum : -sum, this.backstop[asset], `lots of asset ${asset}`)
    assert.ok(offers.length <= 8 && offers.every(({ units }) => units > 0n))
    if (offers.length > 1) this.#count('several lots')
  }

  #queued(asset: number): bigint {
    return this.deposits.reduce(
      (sum, d) => (d.asset === asset && (d.state === 'queued' || d.state === 'bounced') ? sum + d.amount : sum),
      0n,
    )
  }

  /** Everybody leaves; nobody gets more than the formula, and only dust and nobody's shares remain. */
  async escape(): Promise<void> {
    const { market, saved } = this
    const { vault, escape: exits, tokens, insurance } = market
    await refreshFeeds(market, this.ethPrice, this.btcPrice)
    await abandon(market)
    const record = await vault.read<CheckpointRecord>('lastCheckpoint')
    assert.equal(record.deposits, BigInt(saved.head))
    const [holdings, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
    const price = (a: number) => (a === 0 ? HALF : saved.prices[a - 1]!)
    const equities = saved.balances.map((balances) => balances.reduce((sum, b, a) => sum + b * price(a), 0n))
    // What left at a discount after the record is the loss of those who own the backstop's equity.
    assert.equal(await market.market.read('loss'), this.loss)
    const borne = record.equity > 0n ? min(this.loss, record.equity) : 0n
    const equity = record.equity > 0n ? record.equity - borne : 0n
    const sum = equities.reduce((a, b) => a + b, 0n) + equity
    assert.equal(denominator, sum, 'equities add up to the denominator')

    for (const [index, equity] of equities.entries()) {
      assert.ok(equity >= 0n, 'healthy at the checkpoint')
      const to = this.users[index % this.users.length]!
      await exits.write('exit', await exitCall(market, BigInt(index), to, equity))
      for (const a of SPOT) {
        const share = denominator === 0n ? 0n : (holdings[a]! * equity) / denominator
        assert.equal(this.#paid(a, to, await exits.write('pull', [index, a])), Model.tokens(a, share))
      }
    }
    // What is owed comes before insurers, as far as the equity goes.
    const first = min(this.owed.outstanding, equity / HALF)
    const { repaid } = this.owed
    for (const w of this.withdrawals) {
      const due = this.owed.partOf(w, repaid + first) - this.owed.partOf(w, repaid)
      if (due === 0n) continue
      for (const a of SPOT) {
        const share = (holdings[a]! * due * HALF) / denominator
        assert.equal(this.#paid(a, w.to, await exits.write('pullOwed', [w.id, a])), Model.tokens(a, share))
      }
      this.#count('debt pulled')
    }
    let owned = 0n
    let total = 0n
    for (const user of this.users) {
      const [shares, all] = await insurance.read<[bigint, bigint]>('sharesOf', user)
      owned += shares
      total = all
      if (shares > 0n || this.pick(8) === 0) for (const a of SPOT) await exits.write('pullShares', [a], user)
      const [waiting, , collectable] = await insurance.read<[bigint, bigint, bigint]>('position', user)
      if (waiting > 0n) await insurance.write('cancel', [], user)
      if (collectable > 0n) await insurance.write('collect', [], user)
    }
    for (const w of this.withdrawals) if (!w.claimed && w.epoch < this.epoch) await this.#claimOne(w)
    for (const w of this.withdrawals) {
      const due = this.owed.due(w)
      if (due > 0n) assert.equal(this.#paid(0, w.to, await insurance.write('collectOwed', [w.id])), due)
    }
    for (const [id, d] of this.deposits.entries()) {
      if (d.amount === 0n) {
        await vault.refuses(id >= saved.head ? 'AlreadyRefunded' : 'NotRefundable', 'refund', [BigInt(id)])
      } else if (d.state === 'bounced' || (d.state !== 'refunded' && id >= saved.head)) {
        assert.equal(
          this.#paid(d.asset, d.user, await vault.write('refund', [BigInt(id)])),
          Model.tokens(d.asset, d.amount),
        )
      }
    }
    const insurers = equity - first * HALF
    const nobodys = equity > 0n ? (total === 0n ? insurers : (insurers * (total - owned)) / total + 1n) : 0n
    for (const a of SPOT) {
      const { custody } = await ledgerOf(vault, a)
      const left = denominator === 0n ? holdings[a]! : (holdings[a]! * nobodys) / denominator + 1n
      // A unit, or a token unit, for every payment that was rounded.
      const payments = BigInt(
        equities.length + this.users.length + 3 * this.withdrawals.length + 2 * this.counts.conversion! + 2,
      )
      const dust = Model.#scale(a) * payments
      assert.ok(custody <= left + dust, `${custody} of asset ${a} remain, ${left} are nobody's`)
      if (denominator > 0n && record.equity <= 0n) assert.ok(custody <= dust)
      assert.equal(await tokens[a]!.read('balanceOf', vault.address), Model.tokens(a, custody))
    }
  }
}
