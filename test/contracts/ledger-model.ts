import assert from 'node:assert/strict'

import type { Address, TransactionReceipt } from 'viem'

import type { Contract, Event } from './chain.ts'
import {
  abandon,
  type CheckpointRecord,
  exitCall,
  force,
  fund,
  keyOf,
  type LedgerEntry,
  ledgerOf,
  liquidate,
  open,
  step,
  topUp,
  transact,
} from './custody.ts'
import { type Market, nextRound, refreshFeeds } from './market.ts'
import { randomizer } from './mirror.ts'

const SPOT = [0, 1, 3, 4]
const ASSETS = 5
const HALF = 1n << 32n
const min = (a: bigint, b: bigint) => (a < b ? a : b)
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

interface Withdrawal {
  id: bigint
  asset: number
  amount: bigint
  to: Address
  epoch: bigint
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
  claimable = Array<bigint>(ASSETS).fill(0n)
  insuring = 0n
  deposits: Queued[] = []
  head = 0
  withdrawals: Withdrawal[] = []
  marks: bigint[][] = []
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

  #user(): Address {
    return this.users[this.pick(this.users.length)]!
  }

  /** Units of the rollup that are one token unit, and the other way round. */
  static #scale = (asset: number) => (asset === 3 ? 10n ** 8n : 1n)
  static unit = (asset: number) => [1n, 10n ** 10n, 0n, 0n, 10n ** 16n][asset]!
  static tokens = (asset: number, amount: bigint) => (asset === 3 ? amount / 10n ** 8n : amount * Model.unit(asset))

  #price(asset: number): bigint {
    return asset === 0 ? HALF : this.marks[asset - 1]![0]!
  }

  /** Health with maintenance marks (1, 2) or target marks (3, 4), 2^32 scale. */
  #health(balances: bigint[], asset: number, liability: number): bigint {
    return balances.reduce(
      (sum, b, a) => sum + b * (a === 0 ? HALF : this.marks[a - 1]![b > 0n ? asset : liability]!),
      0n,
    )
  }

  #safe = (balances: bigint[]) => balances.every((b) => b >= 0n) || this.#health(balances, 3, 4) >= HALF

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
          claimed: false,
        })
        assert.equal(args.epoch, this.epoch)
      } else if (name === 'Checkpointed') {
        this.#checkpointed(args)
      } else if (name === 'Converted') {
        // Its event comes before the checkpoint's, so the ratio has not been applied yet; under water there is none.
        this.#conversion = { converted: args.converted as bigint, paid: args.paid as bigint }
      }
    }
  }

  #conversion: { converted: bigint; paid: bigint } | undefined

  #checkpointed(args: Record<string, unknown>): void {
    const equity = this.backstop.reduce((sum, b, a) => sum + b * this.#price(a), 0n)
    const total = this.balances.reduce(
      (sum, balances) => sum + balances.reduce((s, b, a) => s + b * this.#price(a), 0n),
      0n,
    )
    const value = total + equity + this.pending.reduce((sum, p, a) => sum + p * this.#price(a), 0n)
    const [num, den] = equity < 0n ? [value, value - equity] : [1n, 1n]
    assert.deepEqual([args.num, args.den], [num, den])
    for (let a = 0; a < ASSETS; a++) {
      const paid = (this.pending[a]! * num) / den
      this.claimable[a]! += paid
      this.backstop[a]! += this.pending[a]! - paid
      this.pending[a] = 0n
    }
    if (this.#conversion !== undefined) {
      const { converted, paid } = this.#conversion
      this.insuring -= converted
      this.backstop[0]! += converted - paid
      this.claimable[0]! += paid
      this.#conversion = undefined
      this.#count('conversion')
    }
    if (equity < 0n) this.#count('checkpoint under water')
    this.epoch++
    this.saved = { balances: this.balances.map((b) => [...b]), prices: this.marks.map((m) => m[0]!), head: this.head }
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  async #settle(steps: bigint[][]): Promise<void> {
    // The conversion's event is the insurance's; it is to be seen before the checkpoint's.
    const events = await transact(this.market, steps, { inboxAfter: this.pick(3) === 0 ? 5n : 0n })
    this.#follow(events.sort((a, b) => Number(b.name === 'Converted') - Number(a.name === 'Converted')))
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
    await nextRound(this.market, this.ethPrice, this.btcPrice)
    this.marks = await this.market.rounds.read('marks')
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

  async deposit(): Promise<void> {
    const asset = SPOT[this.pick(4)]!
    const amount = this.#amount(asset)
    const user = this.#user()
    const opens = this.deposits.filter(({ kind }) => kind === 'open').length
    const topping = opens > 0 && (opens >= 6 || this.pick(2) === 0)
    const event = topping
      ? await topUp(this.market, user, BigInt(this.pick(opens)), asset, Model.tokens(asset, amount))
      : await open(this.market, user, asset, Model.tokens(asset, amount), keyOf(50n + BigInt(opens)))
    assert.equal(event.amount, amount)
    this.deposits.push({
      id: event.id,
      kind: topping ? 'topUp' : 'open',
      index: event.index,
      asset,
      amount,
      user,
      state: 'queued',
    })
  }

  async consume(): Promise<void> {
    const steps: bigint[][] = []
    for (let i = 0; i < 3 && this.head < this.deposits.length; i++) {
      const d = this.deposits[this.head++]!
      const asset = BigInt(d.asset)
      if (d.kind === 'open') {
        steps.push(step.open(d.index, asset, d.amount, keyOf(50n + d.index)))
        this.balances.push(Array<bigint>(ASSETS).fill(0n))
      } else if (this.pick(6) === 0) {
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
    if (steps.length > 0) await this.#settle(steps)
  }

  /** By request or by force, of what it has or of what it borrows. */
  async withdraw(): Promise<void> {
    const index = this.#account()
    if (index === undefined) return
    const asset = SPOT[this.pick(4)]!
    const available = await this.free(asset)
    let amount = min(this.random(2n * this.#amount(asset)), available)
    const afterwards = () => this.balances[index]!.with(asset, this.balances[index]![asset]! - amount)
    // As much of it as leaves the account above its target.
    while (amount > 0n && !this.#safe(afterwards())) amount /= 2n
    amount -= amount % Model.#scale(asset)
    const after = afterwards()
    if (amount === 0n || !this.#safe(after)) return
    const to = this.#user()
    if (after[asset]! < 0n) this.#count('borrow')
    this.balances[index] = after
    this.pending[asset]! += amount
    if (this.pick(4) === 0) {
      const request = await force(this.market, this.#user(), {
        index: BigInt(index),
        asset: BigInt(asset),
        amount,
        recipient: to,
      })
      await this.#settle([step.forced(request)])
      this.#count('forced withdrawal')
    } else {
      await this.#settle([step.withdraw(BigInt(index), BigInt(asset), amount, to)])
    }
    this.#count('withdrawal')
  }

  /** Between two accounts, of any asset: nothing of it is public but the indices. */
  async trade(): Promise<void> {
    const [a, b] = [this.#account(), this.#account()]
    if (a === undefined || b === undefined || a === b) return
    const asset = 1 + this.pick(ASSETS - 1)
    let x = 4n * this.#amount(asset)
    const swap = (balances: bigint[], sign: bigint) => {
      const y = (x * this.#price(asset)) / HALF
      return balances.map((v, i) => (i === 0 ? v - sign * y : i === asset ? v + sign * x : v))
    }
    while (x > 0n && !(this.#safe(swap(this.balances[a]!, 1n)) && this.#safe(swap(this.balances[b]!, -1n)))) x /= 2n
    if (x === 0n) return
    const [first, second] = [swap(this.balances[a]!, 1n), swap(this.balances[b]!, -1n)]
    this.balances[a] = first
    this.balances[b] = second
    await this.#settle([step.trade(BigInt(a)), step.trade(BigInt(b))])
    this.#count('trade')
  }

  async unwind(): Promise<void> {
    const index = this.#account()
    const asset = [1, 2, 3, 4].find((a) => this.backstop[a] !== 0n && this.pick(2) === 0)
    if (index === undefined || asset === undefined) return
    const held = this.backstop[asset]!
    const buys = held > 0n
    const size = buys ? held : -held
    let x = min(1n + this.random(size), size)
    // The price of this second is the most that a buyer has to pay in the next, and the least that a seller may ask.
    const price = await this.market.vault.read<bigint>('unwindPrice', asset)
    const cash = () => (buys ? (x * price + HALF - 1n) / HALF : (x * price) / HALF)
    const sign = buys ? 1n : -1n
    const afterwards = () =>
      this.balances[index]!.map((v, i) => (i === 0 ? v - sign * cash() : i === asset ? v + sign * x : v))
    while (x > 0n && !this.#safe(afterwards())) x /= 2n
    if (x === 0n) return
    const [y, after] = [cash(), afterwards()]
    this.balances[index] = after
    this.backstop[asset]! -= sign * x
    this.backstop[0]! += sign * y
    await this.#settle([step.unwind(BigInt(index), BigInt(asset), x, y, buys ? 1n : 0n)])
    this.#count('unwind')
  }

  async claim(): Promise<void> {
    const open = this.withdrawals.filter(({ claimed, epoch }) => !claimed && epoch < this.epoch)
    const w = open[this.pick(open.length || 1)]
    if (w !== undefined) await this.#claimOne(w)
  }

  async #claimOne(w: Withdrawal): Promise<void> {
    const { vault } = this.market
    const [num, den] = await vault.read<[bigint, bigint]>('ratio', w.epoch)
    let amount = (w.amount * num) / den
    amount -= amount % Model.#scale(w.asset)
    assert.equal(this.#paid(w.asset, w.to, await vault.write('claim', [w.id], w.to)), Model.tokens(w.asset, amount))
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
        const [shares] = await insurance.read<[bigint, bigint]>('sharesOf', user)
        const [, offered] = await insurance.read<[bigint, bigint, bigint]>('position', user)
        if (accepting && shares > offered) await insurance.write('redeem', [1n + this.random(shares - offered)], user)
        return
      }
      case 2: {
        const [, , collectable] = await insurance.read<[bigint, bigint, bigint]>('position', user)
        if (collectable === 0n) return
        await insurance.write('collect', [], user)
        this.claimable[0]! -= collectable
        this.#count('collection')
        return
      }
      case 3:
        await fund(this.market, user, 0, amount)
        await vault.write('donate', [0, amount], user)
        this.backstop[0]! += amount
        return
      default:
        if (!accepting) return
        await fund(this.market, user, 0, amount)
        await insurance.write('insure', [amount], user)
        this.insuring += amount
    }
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
    ]
    const weights = [4, 5, 7, 7, 5, 3, 5, 2, 1, 3]
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
        l.accounts + l.backstop + l.pending + l.claimable + l.queued + (a === 0 ? insuring : 0n),
        `asset ${a}`,
      )
      assert.equal(
        l.accounts,
        this.balances.reduce((sum, balances) => sum + balances[a]!, 0n),
        `accounts of asset ${a}`,
      )
      assert.equal(l.queued, this.#queued(a), `queue of asset ${a}`)
      assert.deepEqual(
        [l.backstop, l.pending, l.claimable],
        [this.backstop[a], this.pending[a], this.claimable[a]],
        `asset ${a}`,
      )
      if (!SPOT.includes(a)) assert.equal(l.custody, 0n)
      else assert.equal(held[a], Model.tokens(a, l.custody))
    }
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
    const sum = equities.reduce((a, b) => a + b, 0n) + (record.equity > 0n ? record.equity : 0n)
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
    for (const [id, d] of this.deposits.entries()) {
      if (d.state === 'bounced' || (d.state !== 'refunded' && id >= saved.head)) {
        assert.equal(
          this.#paid(d.asset, d.user, await vault.write('refund', [BigInt(id)])),
          Model.tokens(d.asset, d.amount),
        )
      }
    }
    const nobodys =
      record.equity > 0n ? (total === 0n ? record.equity : (record.equity * (total - owned)) / total + 1n) : 0n
    for (const a of SPOT) {
      const { custody } = await ledgerOf(vault, a)
      const left = denominator === 0n ? holdings[a]! : (holdings[a]! * nobodys) / denominator + 1n
      // A unit, or a token unit, for every payment that was rounded.
      const payments = BigInt(
        equities.length + this.users.length + this.withdrawals.length + 2 * this.counts.conversion! + 2,
      )
      const dust = Model.#scale(a) * payments
      assert.ok(custody <= left + dust, `${custody} of asset ${a} remain, ${left} are nobody's`)
      if (denominator > 0n && record.equity <= 0n) assert.ok(custody <= dust)
      assert.equal(await tokens[a]!.read('balanceOf', vault.address), Model.tokens(a, custody))
    }
  }
}
