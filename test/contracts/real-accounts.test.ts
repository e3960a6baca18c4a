import assert from 'node:assert/strict'

import { type Address, getAddress, toHex } from 'viem'

import { accountLeaf } from '../../protocol/account.ts'
import type { Point } from '../../protocol/curve.ts'
import { exitMessage, exitTransition } from '../../protocol/exit.ts'
import { type OwnerKey, ownerKeyFromSeed, sequencerKey } from '../../protocol/keys.ts'
import { CASH_MARKS, MARK_NAMES, type Marks } from '../../protocol/marks.ts'
import { messageHash } from '../../protocol/messages.ts'
import { type Operation, operationMessage, type SignedOperation } from '../../protocol/operation.ts'
import { calldata } from '../../protocol/proof.ts'
import { sign } from '../../protocol/signature.ts'
import { System } from '../../protocol/system.ts'
import type { KeySet } from '../../prover/keys.ts'
import { tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { type ProvenBatch, provenBatch } from '../support/proven-batches.ts'
import { abandon, type CheckpointRecord, fund, ledgerOf, open, submission, topUp } from './custody.ts'
import { deployMarket, FORCED, type Market, MIN_LIABILITY, nextRound } from './market.ts'

const CASH = 1_000_000n
const ETH = 100_000_000n
const SECRET = 987_654_321n
const WINDOW = [0, 1, 2]
const seedKey = (n: number) => ownerKeyFromSeed(toHex(n, { size: 32 }))

/** An operation without its signature. */
type Unsigned<T = SignedOperation> = T extends unknown ? Omit<T, 'signature'> : never

// From the first deposit to the last exit under real proofs: the contracts assemble the vectors that the circuits prove.
describe('accounts under real proofs', () => {
  let keys: KeySet
  let market: Market
  let system: System
  let ada: Address
  let bob: Address
  let eve: Address
  const adaKey = seedKey(1)
  const bobKey = seedKey(2)

  const domain = () => ({ chainId: 31337n, settlement: BigInt(market.settlement.address) })
  const settle = (batch: ProvenBatch) => market.settlement.write('settle', [[batch]])
  const refused = (error: string, batch: ProvenBatch, args?: unknown[]) =>
    market.settlement.refuses(error, 'settle', [[batch]], args)

  function signed(key: OwnerKey, operation: Unsigned, where = domain()): SignedOperation {
    const draft = { ...operation, signature: { r8: [0n, 1n] as Point, s: 0n } } as SignedOperation
    return { ...draft, signature: sign(key, messageHash(where, operationMessage(draft))) }
  }

  /** A batch of operations, proven, which also changes the machine. */
  async function transact(operations: Operation[], seconds = 1000n) {
    const { results, ...transition } = system.transact(operations, (await market.chain.now()) + seconds)
    return { results, batch: await provenBatch(keys, transition) }
  }

  /** Moves all that is in the inbox to slot 2, which leaves the system complete. */
  async function place(): Promise<ProvenBatch> {
    const moves = system.stacks[1]!.map(() => ({ from: 1, to: 2 }))
    return provenBatch(keys, system.sweep(WINDOW, moves))
  }

  async function marks(): Promise<Marks> {
    const words = await market.rounds.read<bigint[][]>('marks')
    return [
      CASH_MARKS,
      ...words.map((row) => Object.fromEntries(MARK_NAMES.map((name, i) => [name, row[i]!]))),
    ] as unknown as Marks
  }

  async function matches(): Promise<void> {
    assert.equal(await market.settlement.read('accountsRoot'), system.ledger.root)
    assert.deepEqual(await market.settlement.read('heads'), system.ledger.heads)
    for (let a = 0; a < 3; a++) {
      const { accounts } = await ledgerOf(market.vault, a)
      assert.equal(accounts, system.ledger.accounts[a])
      assert.equal(
        accounts,
        [...system.accounts].reduce((sum, { balances }) => sum + balances[a]!, 0n),
      )
    }
  }

  before(async () => {
    keys = await tinyKeysWithVerifiers()
    market = await deployMarket({}, async (config, on) => {
      const verifier = async (name: string) =>
        (await on.contract(`contracts/generated/tiny/${name}Verifier.sol:${name}Verifier`)).address
      return {
        ...config,
        settlement: {
          ...config.settlement,
          sweepVerifiers: [await verifier('Sweep')],
          resolveVerifier: await verifier('Resolve'),
          transactVerifier: await verifier('Transact'),
          sequencerKey: sequencerKey(SECRET).publicKey,
        },
        escape: { ...config.escape, exitVerifier: await verifier('Exit') },
      }
    })
    ;[, , ada, bob, eve] = market.chain.accounts.map((address) => getAddress(address)) as [
      never,
      never,
      Address,
      Address,
      Address,
    ]
    system = System.empty(keys.profile, 8, MIN_LIABILITY, domain(), SECRET)
    await nextRound(market)
    system.setMarks(await marks())
    const traded = system.ledger.marks!.slice(1)
    const envelope = {
      floors: traded.map(({ collateralValue }) => collateralValue / 2n),
      ceilings: traded.map(({ liabilityValue }) => 2n * liabilityValue),
    }
    await market.settlement.write('openEnvelopes', [[{ slot: 2, ...envelope }]])
    system.open({ slot: 2, envelope })
  })
  after(() => proofs.close())

  it('are opened by deposits: not under another key, view key or amount, nor by a proof for another contract', async () => {
    assert.equal(await market.settlement.read('accountsRoot'), system.ledger.root)
    await open(market, ada, 0, 1000n * CASH, [...adaKey.publicKey] as [bigint, bigint])
    await open(market, bob, 1, 10n * 10n ** 18n, [...bobKey.publicKey] as [bigint, bigint])
    const elsewhere = System.empty(keys.profile, 8, MIN_LIABILITY, { ...domain(), settlement: 1n }, SECRET)
    const opens: Operation[] = [
      { kind: 'open', depositId: 0, index: 0, publicKey: adaKey.publicKey, asset: 0, amount: 1000n * CASH },
      { kind: 'open', depositId: 1, index: 1, publicKey: bobKey.publicKey, asset: 1, amount: 10n * ETH },
    ]
    elsewhere.setMarks(await marks())
    const validUntil = (await market.chain.now()) + 1000n
    await refused('InvalidProof', await provenBatch(keys, elsewhere.transact(opens, validUntil)), [0n])
    const thief = system.clone()
    const stolen = await provenBatch(
      keys,
      thief.transact([{ ...opens[0]!, publicKey: bobKey.publicKey } as Operation], validUntil),
    )
    await refused('WrongDeposit', stolen, [0n])
    const other = System.empty(keys.profile, 8, MIN_LIABILITY, domain(), SECRET + 1n)
    other.setMarks(await marks())
    await refused('InvalidProof', await provenBatch(keys, other.transact(opens, validUntil)), [0n])

    const { batch } = await transact(opens)
    for (let i = 1; i < batch.values.length; i++) {
      const values = batch.values.with(i, batch.values[i]! + 1n)
      await market.settlement.refuses('InvalidProof', 'settle', [[{ ...batch, values }]], [0n])
    }
    await settle(batch)
    await matches()
    await settle(await place())
    assert.equal((await market.vault.read<CheckpointRecord>('lastCheckpoint')).root, system.ledger.root)
  })

  it('are topped up, and withdrawn from under their signature', async () => {
    await topUp(market, ada, 1n, 1, 2n * 10n ** 18n)
    const expiry = (await market.chain.now()) + 5000n
    const withdraw = signed(adaKey, {
      kind: 'withdraw',
      index: 0,
      version: 0n,
      asset: 0,
      amount: 300n * CASH,
      recipient: eve,
      expiry,
    })
    const { batch } = await transact([{ kind: 'topup', depositId: 2, index: 1, asset: 1, amount: 2n * ETH }, withdraw])
    // Nobody diverts it: the recipient is part of what was proven.
    await refused('InvalidProof', { ...batch, values: batch.values.with(4 + 10 + 8, BigInt(bob)) }, [0n])
    await settle(batch)
    await matches()
    await market.vault.refuses('NotCheckpointed', 'claim', [0n], [0n], eve)
    await settle(await place())
    await market.vault.write('claim', [0n], eve)
    assert.equal(await market.tokens[0]!.read('balanceOf', eve), 300n * CASH)
  })

  it('are served by force, or discharged where the signature is bad', async () => {
    const file = async (
      user: Address,
      index: number,
      key: OwnerKey,
      asset: number,
      amount: bigint,
    ): Promise<SignedOperation> => {
      const { forced, chain } = market
      const receipt = await forced.write(
        'reserve',
        [index, await market.vault.read('ownerOf', index)],
        user,
        FORCED.bond + FORCED.forcedFee,
      )
      const queueNumber = forced.events(receipt)[0]!.args.number as bigint
      const expiry = (await chain.now()) + 10n * 86_400n
      const operation = signed(key, { kind: 'forced', queueNumber, index, asset, amount, recipient: user, expiry })
      const { r8, s } = operation.signature
      await forced.write(
        'submit',
        submission({
          number: queueNumber,
          index: BigInt(index),
          asset: BigInt(asset),
          amount,
          recipient: user,
          expiry,
          r8: [...r8],
          s,
        }),
        user,
      )
      return operation
    }
    const good = await file(bob, 1, bobKey, 1, ETH)
    const bad = await file(eve, 0, bobKey, 0, CASH)
    await nextRound(market)
    const { batch, results } = await transact([good, bad])
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['done', 'discharged'],
    )
    const receipt = await settle(batch)
    assert.deepEqual(
      market.forced.events(receipt).map(({ name }) => name),
      ['Served', 'Discharged'],
    )
    await matches()
    await settle(await place())
    await market.vault.write('claim', [1n], bob)
    assert.equal(await market.tokens[1]!.read('balanceOf', bob), 10n ** 18n)
  })

  it('trade by two signatures, expire, and are not replayed', async () => {
    const expiry = (await market.chain.now()) + 3000n
    const trade = { kind: 'trade' as const, asset: 2, x: 1_000_000n, y: 50n * CASH, link: 99n, expiry }
    const halves = [
      signed(adaKey, { ...trade, index: 0, version: system.accounts.at(0)!.version, direction: 1 }),
      signed(bobKey, { ...trade, index: 1, version: system.accounts.at(1)!.version, direction: 0 }),
    ]
    const { batch } = await transact(halves)
    await settle(batch)
    await matches()
    await refused('InvalidProof', batch, [0n])
    await settle(await place())
    const { batch: late } = await transact(
      [
        signed(adaKey, {
          kind: 'preferences',
          index: 0,
          version: system.accounts.at(0)!.version,
          weights: Array<number>(8).fill(3),
          expiry,
        }),
      ],
      10n,
    )
    await market.chain.mineAt((await market.chain.now()) + 11n)
    await refused('BatchExpired', late)
  })

  it('leave under the root of the checkpoint, each once, with what is theirs', async () => {
    const { vault, escape: exits, tokens } = market
    const { root, prices } = await vault.read<CheckpointRecord>('lastCheckpoint')
    await fund(market, eve, 0, 1n)
    await abandon(market)
    const [holdings, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
    // The preferences above were proven, not settled.
    const before = system.clone()
    const current = await market.settlement.read<bigint>('accountsRoot')
    assert.equal(current, root)
    const checkpointMarks = await marks()
    assert.deepEqual(
      checkpointMarks.slice(1).map(({ price }) => price),
      prices,
    )
    const stale = before.accounts.at(0)!
    const account = (index: number) =>
      index === 0
        ? { ...stale, version: stale.version - 1n, weights: Array<number>(8).fill(8) }
        : before.accounts.at(index)!
    const tree = before.tree
    tree.set(0, accountLeaf(account(0)))
    assert.equal(tree.root, root)

    let claimed = 0n
    for (const [index, key, recipient] of [
      [0, adaKey, ada],
      [1, bobKey, bob],
    ] as const) {
      const signature = sign(key, messageHash(domain(), exitMessage(index, recipient)))
      const { vector, input } = exitTransition({
        domain: domain(),
        account: account(index),
        path: tree.path(index),
        publicKey: key.publicKey,
        recipient,
        signature,
        prices,
      })
      const equity = vector[5]!
      const { proof, signals } = await proofs.prove(keys, 'exit', input)
      const { a, b, c } = calldata(proof)
      const args: unknown[] = [index, recipient, equity, signals[0]!, { a, b, c }]
      await exits.refuses('InvalidProof', 'exit', args.with(2, equity + 1n))
      await exits.refuses('InvalidProof', 'exit', args.with(1, eve))
      await exits.refuses('InvalidProof', 'exit', args.with(0, index + 2))
      await exits.write('exit', args, eve)
      await exits.refuses('AlreadyExited', 'exit', args, [index])
      for (const asset of [0, 1]) {
        const held = await tokens[asset]!.read<bigint>('balanceOf', recipient)
        await exits.write('pull', [index, asset])
        const paid = (await tokens[asset]!.read<bigint>('balanceOf', recipient)) - held
        assert.equal(paid, ((holdings[asset]! * equity) / denominator) * (asset === 0 ? 1n : 10n ** 10n))
      }
      claimed += equity
    }
    assert.equal(claimed, denominator)
    for (const asset of [0, 1]) assert.ok((await ledgerOf(vault, asset)).custody <= 2n)
  })
})
