import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getAddress, zeroAddress } from 'viem'
import { importAccounts } from '../../book/import-accounts.ts'
import { deploy } from '../../deploy/deploy.ts'
import { mockCustody } from '../../deploy/market-plan.ts'
import { accountLeaf } from '../../protocol/account.ts'
import { parseBook } from '../../protocol/book.ts'
import { FIELD } from '../../protocol/constants.ts'
import type { Envelope } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'
import { MARK_NAMES } from '../../protocol/marks.ts'
import { System } from '../../protocol/system.ts'
import type { KeySet } from '../../prover/keys.ts'
import { GOVERNANCE_ABI } from '../../sdk/abi/governance.ts'
import { VERIFIER_ABI } from '../../sdk/abi/verifier.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import { goodBook } from '../support/books.ts'
import { tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { type ProvenBatch, provenBatch } from '../support/proven-batches.ts'
import { type Chain, type Contract, startChain } from './chain.ts'
import { deployMarket, type Market, MIN_LIABILITY, nextRound, TIMES } from './market.ts'

const generated = (circuit: 'Sweep' | 'Sweep2' | 'Resolve', variant = 'Verifier') =>
  `contracts/generated/tiny/${circuit}Verifier.sol:${circuit}${variant}`
const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n
const WINDOW = [0, 1, 2]
/** At the market's prices, 194.61 and 5,000: breached, bankrupt, healthy, healthy. */
const BALANCES = [
  [-1_700_000_000n, 1_000_000_000n],
  [-2_500_000_000n, 1_000_000_000n],
  [100_000_000n, 500_000_000n],
  [75_000_000n],
]

describe('real proofs', () => {
  let keys: KeySet
  let market: Market
  let settlement: Contract
  let chain: Chain
  let system: System
  let sweep: ProvenBatch
  /** Of the second rung, with the same window, and the heads after it. */
  let short: ProvenBatch
  let shortHeads: bigint[]
  let intoDistress: ProvenBatch
  let resolve: ProvenBatch
  let snapshot: `0x${string}`

  /** A test leaves the chain as it found it. */
  beforeEach(async () => {
    snapshot = await chain.client.snapshot()
  })
  afterEach(() => chain.client.revert({ id: snapshot }))

  const envelope = (marks: Marks): Envelope => ({
    floors: marks.slice(1).map(({ collateralValue }) => (collateralValue * 9n) / 10n),
    ceilings: marks.slice(1).map(({ liabilityValue }) => (liabilityValue * 11n) / 10n),
  })
  const refused = (
    batch: ProvenBatch,
    error = 'InvalidProof',
    args: unknown[] | undefined = error === 'InvalidProof' ? [0n] : undefined,
  ) => settlement.refuses(error, 'settle', [[batch]], args)
  const changed = (batch: ProvenBatch, change: (copy: ProvenBatch) => void): ProvenBatch => {
    const copy = structuredClone(batch)
    change(copy)
    return copy
  }
  const settle = (...batches: ProvenBatch[]) => settlement.write('settle', [batches])
  /** The state before the resolve: healthy accounts in slot 2, the others in distress. */
  const untilResolve = () => settle(sweep, intoDistress)

  before(async () => {
    keys = await tinyKeysWithVerifiers()
    market = await deployMarket({}, async (config, on) => {
      const [sweepVerifier, sweep2Verifier, resolveVerifier] = [
        await on.contract(generated('Sweep')),
        await on.contract(generated('Sweep2')),
        await on.contract(generated('Resolve')),
      ]
      return {
        ...config,
        settlement: {
          ...config.settlement,
          sweepVerifiers: [sweepVerifier.address, sweep2Verifier.address],
          resolveVerifier: resolveVerifier.address,
        },
      }
    })
    ;({ chain, settlement } = market)

    const accounts = importAccounts(
      BALANCES.map((balances) => ({
        balances: [...balances, ...Array<bigint>(8 - balances.length).fill(0n)],
        weights: Array<number>(8).fill(8),
      })),
    )
    system = System.genesis(keys.profile, 8, MIN_LIABILITY, accounts)
    await settlement.write('genesis', [system.ledger.root, system.ledger.heads[1], accounts.map(accountLeaf)])
    await nextRound(market)
    const words = await market.rounds.read<bigint[][]>('marks')
    const named = words.map((row) => Object.fromEntries(MARK_NAMES.map((name, i) => [name, row[i]!])))
    const cash = Object.fromEntries(
      MARK_NAMES.map((name) => [name, name.startsWith('k') || name === 'concentration' ? 0n : 1n << 32n]),
    )
    const marks = [cash, ...named] as unknown as Marks
    system.setMarks(marks)
    const opening = { slot: 2, envelope: envelope(marks) }
    system.open(opening)
    const copy = system.clone()
    short = await provenBatch(keys, copy.sweep(WINDOW, [{ from: 1, to: 2 }], 1), [opening])
    shortHeads = [...copy.ledger.heads]
    sweep = await provenBatch(
      keys,
      system.sweep(WINDOW, [
        { from: 1, to: 2 },
        { from: 1, to: 2 },
      ]),
      [opening],
    )
    intoDistress = await provenBatch(
      keys,
      system.sweep(WINDOW, [
        { from: 1, to: 0 },
        { from: 1, to: 0 },
      ]),
    )
    const resolution = system.resolve(2)
    assert.deepEqual(
      resolution.resolutions.map(({ liquidation }) => liquidation?.status),
      ['partial', 'closed'],
    )
    resolve = await provenBatch(keys, resolution)
  })
  after(() => proofs.close())

  it('are accepted, in one transaction or several, and change the storage as the machine says', async () => {
    await settle(sweep, intoDistress, resolve)
    assert.equal(await settlement.read('accountsRoot'), system.ledger.root)
    assert.deepEqual(await settlement.read('heads'), system.ledger.heads)
    assert.deepEqual(await market.vault.read('backstop'), system.ledger.backstop)
    assert.equal(await market.vault.read('badDebt'), system.ledger.badDebt)
    assert.ok(system.ledger.badDebt > 0n)
    assert.equal(await settlement.read('isComplete'), false)
    await chain.client.revert({ id: snapshot })
    snapshot = await chain.client.snapshot()
    for (const batch of [sweep, intoDistress, resolve]) await settle(batch)
    assert.deepEqual(await settlement.read('heads'), system.ledger.heads)
  })

  it('are refused a second time, or in another order, as the state is another', async () => {
    await refused(intoDistress, 'SlotNotOpened')
    await refused({ ...intoDistress, openings: sweep.openings })
    await refused(resolve)
    await settle(sweep)
    await refused({ ...sweep, openings: [] })
    await refused(resolve)
    await settle(intoDistress)
    await refused(intoDistress)
    await settle(resolve)
    await refused(resolve)
    await settlement.refuses('InvalidProof', 'settle', [[resolve, resolve]], [0n])
  })

  it("are refused by another rung's verifier, and by none where there is none", async () => {
    await refused({ ...sweep, rung: 1 })
    await refused({ ...sweep, rung: 2 }, 'UnknownRung')
    await refused({ ...short, rung: 0 })
    await settle(short)
    assert.deepEqual(await settlement.read('heads'), shortHeads)
  })

  it('name the batch of a transaction that is refused', () =>
    settlement.refuses('InvalidProof', 'settle', [[sweep, intoDistress, intoDistress]], [2n]))

  it('are refused all together with one that is false, at whatever place, and where two are exchanged', async () => {
    const all = [sweep, intoDistress, resolve]
    const proofsOf = (order: number[]) => all.map((batch, i) => ({ ...batch, proof: all[order[i]!]!.proof }))
    for (let i = 0; i < all.length; i++) {
      const order = [0, 1, 2].with(i, (i + 1) % 3)
      await settlement.refuses('InvalidProof', 'settle', [proofsOf(order)], [BigInt(i)])
    }
    await settlement.refuses('InvalidProof', 'settle', [proofsOf([1, 0, 2])], [0n])
    await settlement.refuses('InvalidProof', 'settle', [proofsOf([0, 2, 1])], [1n])
    // What was booked on them went with the transaction.
    assert.notEqual(await settlement.read('accountsRoot'), system.ledger.root)
    await settle(...all)
    assert.equal(await settlement.read('accountsRoot'), system.ledger.root)
  })

  it('are refused with any value one more, or the digest', async () => {
    const oneMore = (batch: ProvenBatch, i: number) =>
      changed(batch, (copy) => (copy.values[i] = (copy.values[i]! + 1n) % FIELD))
    for (let i = 0; i < sweep.values.length; i++) await refused(oneMore(sweep, i))
    await refused(changed(sweep, (copy) => copy.digest++))
    await untilResolve()
    for (let i = 1; i < resolve.values.length; i++) await refused(oneMore(resolve, i))
    await refused(oneMore(resolve, 0), 'TooManySteps')
    await refused(changed(resolve, (copy) => copy.values[0]!--))
    await refused(changed(resolve, (copy) => copy.digest++))
  })

  it('are refused where the envelope was opened with another bound, or reopened in between', async () => {
    for (const side of ['floors', 'ceilings'] as const) {
      await refused(changed(sweep, (copy) => copy.openings[0]![side][0]!--))
      await refused(
        changed(sweep, (copy) => (copy.openings[0]![side][6] = copy.openings[0]![side][6]! === 0n ? 1n : 0n)),
      )
    }
    const [opening] = sweep.openings
    await settlement.write('openEnvelopes', [[opening]])
    await settlement.write('openEnvelopes', [
      [{ ...opening, floors: opening!.floors.with(0, opening!.floors[0]! - 1n) }],
    ])
    await refused({ ...sweep, openings: [] })
    await settlement.write('openEnvelopes', [[opening]])
    await settle({ ...sweep, openings: [] })
  })

  it('are refused in another window', async () => {
    const [opening] = sweep.openings
    await refused(
      changed(sweep, (copy) => {
        copy.openings.push({ ...opening!, slot: 3 })
        copy.window = [0, 1, 3]
        copy.values[1] = sweep.values[2]!
      }),
    )
  })

  it('are refused at the marks of another round', async () => {
    await untilResolve()
    await nextRound(market, 194_62000000n)
    await refused(resolve)
    await nextRound(market, 194_61000000n, 5_000_00000010n)
    await refused(resolve)
    // The same marks again: batches bind the marks, not the round's number.
    await nextRound(market)
    await settle(resolve)
  })

  it('are refused when the round is older than maxAge, but a sweep needs no round', async () => {
    await settle(sweep)
    const [, timestamp] = await market.rounds.read<[bigint, bigint]>('round')
    await chain.mineAt(timestamp + BigInt(TIMES.maxAge) - 2n)
    await settle(intoDistress)
    await chain.nextBlockAt(timestamp + BigInt(TIMES.maxAge))
    await chain.client.mine({ blocks: 1 })
    await refused(resolve, 'NoFreshRound', [])
  })

  it('are refused as proofs of the other circuit', async () => {
    await refused(changed(sweep, (copy) => (copy.proof = structuredClone(resolve.proof))))
    await refused(
      changed(sweep, (copy) => (copy.circuit = 1)),
      'WrongWindowLength',
    )
    await untilResolve()
    await refused(changed(resolve, (copy) => (copy.proof = structuredClone(sweep.proof))))
    await refused(
      changed(resolve, (copy) => (copy.circuit = 0)),
      'WrongWindowLength',
    )
  })

  describe('are refused with points that are', () => {
    const cases: Record<string, (proof: ProvenBatch['proof']) => void> = {
      'not on the curve (a)': (proof) => (proof.a = [1n, 1n]),
      'not on the curve (b)': (proof) =>
        (proof.b = [
          [1n, 1n],
          [1n, 1n],
        ]),
      'not on the curve (c)': (proof) => (proof.c = [proof.c[0]!, proof.c[1]! + 1n]),
      'at infinity': (proof) =>
        Object.assign(proof, {
          a: [0n, 0n],
          b: [
            [0n, 0n],
            [0n, 0n],
          ],
          c: [0n, 0n],
        }),
      'beyond the field (a)': (proof) => (proof.a[0]! += BASE_FIELD),
      'beyond the field (b)': (proof) => (proof.b[0]![0]! += BASE_FIELD),
      'beyond the field (c)': (proof) => (proof.c[0]! += BASE_FIELD),
      'the largest words': (proof) => (proof.c = [(1n << 256n) - 1n, (1n << 256n) - 1n]),
      exchanged: (proof) => ([proof.a, proof.c] = [proof.c, proof.a]),
      'negated (a)': (proof) => (proof.a[1] = BASE_FIELD - proof.a[1]!),
      'of the halves of b exchanged': (proof) => proof.b.forEach((row) => row.reverse()),
      'another than the proof made, on the curve': (proof) => (proof.a = [1n, 2n]),
    }
    for (const [what, change] of Object.entries(cases)) {
      it(what, () => refused(changed(sweep, ({ proof }) => change(proof))))
    }
  })

  describe('under development keys', () => {
    it('have verifiers that exist on chains 31337 and 1337 only', async () => {
      const elsewhere = await startChain(10)
      const local = await startChain(1337)
      for (const circuit of ['Sweep', 'Resolve'] as const) {
        await elsewhere.refusesDeployment('DevelopmentKeysOnly', generated(circuit), [], [10n])
        assert.equal(
          await (await local.contract(generated(circuit))).read('keyHash'),
          keys[circuit === 'Sweep' ? 'sweep' : 'resolve'].keyHash,
        )
      }
    })

    it('are deployed elsewhere only by the variant for any chain, when told so', async () => {
      const elsewhere = await startChain(10)
      const feed = elsewhere.accounts[9]!
      const code = await chain.client.getCode({ address: market.eth.address })
      await elsewhere.client.setCode({ address: feed, bytecode: code! })
      const sent = () => elsewhere.client.getTransactionCount({ address: elsewhere.accounts[0]! })
      const signer = {
        url: 'in process',
        chainId: 10,
        sender: elsewhere.accounts[0]!,
        read: elsewhere.client,
        write: {
          ...elsewhere.client,
          account: { type: 'json-rpc', address: elsewhere.accounts[0]! },
          sendTransaction: (call: object) =>
            elsewhere.client.sendTransaction({ account: elsewhere.accounts[0]!, gas: 16_000_000n, ...call } as never),
        },
      } as unknown as SigningClient
      const book = parseBook(
        JSON.stringify({
          ...goodBook(),
          assets: goodBook().assets.slice(0, 2),
          accounts: [{ id: 'a', balances: { ETH: '1' } }],
        }),
      )
      const parent = await mkdtemp(join(tmpdir(), 'plimsoll-'))
      const options = {
        custody: { USD: { ...mockCustody(book).USD!, token: feed } },
        data: join(parent, 'state'),
      }
      try {
        await assert.rejects(
          deploy(book, keys, signer, { ...options, feeds: { ETH: feed }, allowDevelopmentKeys: false }),
          /development keys.*chain id 10/,
        )
        await assert.rejects(
          deploy(book, keys, signer, { ...options, feeds: {}, allowDevelopmentKeys: true }),
          /No feed is named for ETH/,
        )
        await assert.rejects(
          deploy(book, keys, signer, {
            ...options,
            feeds: { ETH: feed, XRP: zeroAddress },
            allowDevelopmentKeys: true,
          }),
          /XRP, which is not a traded asset/,
        )
        assert.equal(await sent(), 0)
        const loose = {
          ...book.assets[1]!.parameters,
          collateralFactor: 9_800n,
          targetCollateralFactor: 9_800n,
          liabilityFactor: 10_200n,
          targetLiabilityFactor: 10_200n,
          penalty: 200n,
        }
        const risky = { ...book, assets: [book.assets[0]!, { ...book.assets[1]!, parameters: loose }] }
        await assert.rejects(
          deploy(risky, keys, signer, { ...options, feeds: { ETH: feed }, allowDevelopmentKeys: true }),
          /ETH: the target factors are less than 5 points apart/,
        )
        assert.equal(await sent(), 0)
        const [, admin, operator, guardian] = elsewhere.accounts.map((account) => getAddress(account))
        const roles = { admin: admin!, operator: operator!, guardian: guardian! }
        const deployed = await deploy(book, keys, signer, {
          ...options,
          feeds: { ETH: feed },
          allowDevelopmentKeys: true,
          roles,
        })
        const governed = { address: deployed.governance, abi: GOVERNANCE_ABI } as const
        for (const role of ['admin', 'operator', 'guardian'] as const) {
          assert.equal(deployed[role], roles[role])
          assert.equal(await elsewhere.client.readContract({ ...governed, functionName: role }), roles[role])
        }
        // Off local chains: a day of grace and a day of notice, and parameters that wait for longer than any way out takes.
        const terms = await elsewhere.client.readContract({ ...governed, functionName: 'terms' })
        assert.deepEqual([terms.grace, terms.noticePeriod], [86_400, 86_400])
        assert.ok(terms.parameterDelay > terms.forcedDelay + terms.noticePeriod + terms.grace)
        const handover = Number(await elsewhere.client.readContract({ ...governed, functionName: 'handoverDelay' }))
        assert.ok(handover < terms.grace + terms.noticePeriod)
        assert.equal(
          await elsewhere.client.readContract({
            address: deployed.verifiers.sweep,
            abi: VERIFIER_ABI,
            functionName: 'keyHash',
          }),
          keys.sweep.keyHash,
        )
        assert.equal(deployed.chainId, 10)
      } finally {
        await rm(parent, { recursive: true })
      }
    })
  })
})
