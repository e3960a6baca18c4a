import assert from 'node:assert/strict'
import { type Abi, type Address, encodeAbiParameters, type Hex, keccak256, pad, slice, toHex } from 'viem'
import { auditChain, type ChainVerdict } from '../../audit/verify-chain.ts'
import { rawCall } from '../../chain/development-chain.ts'
import { NO_RULES } from '../../deploy/rule-plan.ts'
import type { KeySet } from '../../prover/keys.ts'
import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import { GOVERNANCE_ABI } from '../../sdk/abi/governance.ts'
import { MARKET_ABI } from '../../sdk/abi/market.ts'
import { ORACLES_ABI } from '../../sdk/abi/oracles.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { SETTLEMENT_ABI } from '../../sdk/abi/settlement.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { refund } from '../../sdk/actions/refund.ts'
import { take } from '../../sdk/actions/take.ts'
import { approve } from '../../sdk/chain/approve.ts'
import { connect, type ReadClient } from '../../sdk/chain/client.ts'
import { type Pinned, pin } from '../../sdk/chain/pinned.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices, tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { tamperedLogs } from '../support/tampered-logs.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const WEI = 10n ** 18n
const [OPERATOR, ADMIN, GUARDIAN] = [0, 1, 2]
const TRADES = 4
const STRANGER = `0x${'5a'.repeat(20)}` as const

describe('an audit of a chain that was tampered with', () => {
  let keys: KeySet
  let system: EchoSystem
  let node: SequencerNode
  let alice: TestOwner
  let close: () => void
  const governance = () => ({ address: system.deployed.governance, abi: GOVERNANCE_ABI }) as const
  const prices = (seconds = 400) =>
    movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI], seconds)
  const audited = async (
    through: (client: ReadClient & Pinned) => ReadClient & Pinned = (client) => client,
  ): Promise<ChainVerdict> => {
    const client = through(await pin(await connect(system.chain.url)))
    return auditChain(
      client,
      system.deployed.settlement,
      async () => keys,
      () => {},
    )
  }
  const refused = async (verdict: Promise<ChainVerdict>, message: RegExp) => {
    const found = await verdict
    assert.ok(!found.ok, 'the audit agreed')
    assert.match(found.error, message)
  }
  /** Another value in a contract's storage while `run` goes on. */
  async function withStorage(address: Address, slot: Hex, value: Hex, run: () => Promise<void>): Promise<void> {
    const before = (await rawCall(system.signer, 'eth_getStorageAt', address, slot, 'latest')) as Hex
    const set = async (word: Hex) => {
      await rawCall(system.signer, 'hardhat_setStorageAt', address, slot, pad(word))
      await rawCall(system.signer, 'evm_mine')
    }
    await set(value)
    await run().finally(() => set(before))
  }
  /** The first of a contract's slots that holds a word in which `found` says yes. */
  async function slotOf(address: Address, found: (word: Hex) => boolean): Promise<Hex> {
    for (let i = 0; i < 400; i++) {
      const slot: Hex = `0x${i.toString(16)}`
      if (found((await rawCall(system.signer, 'eth_getStorageAt', address, slot, 'latest')) as Hex)) return slot
    }
    throw new assert.AssertionError({ message: `no slot of ${address} has it` })
  }

  /** The place of the mapping of the rule's states: that under which asset 1 has this one. */
  async function statesAt(rounds: Address, state: bigint): Promise<bigint> {
    for (let place = 0n; place < 400n; place++) {
      const slot = keccak256(encodeAbiParameters([{ type: 'uint256' }, { type: 'uint256' }], [1n, place]))
      if (BigInt((await rawCall(system.signer, 'eth_getStorageAt', rounds, slot, 'latest')) as Hex) === state)
        return place
    }
    throw new assert.AssertionError({ message: 'no place of the contract has the state' })
  }

  before(async () => {
    keys = await tinyKeysWithVerifiers()
    system = await startEchoSystem('tiny', {}, keys, undefined, { ...NO_RULES, assets: { ETH: { gap: 1_000n } } })
    node = await system.open()
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    close = () => {
      server.close()
      server.closeAllConnections()
    }
    alice = await newOwner(system, `http://127.0.0.1:${port}`)
    await alice.open('ETH', 10n * WEI)
    await node.step()
    // The guardian's role changes hands, trades are halted, terms change, and a cap is lowered.
    const { signer } = system
    await sendCall(signer, { ...governance(), functionName: 'nominate', args: [GUARDIAN, alice.address] })
    const terms = await signer.read.readContract({ ...governance(), functionName: 'terms' })
    await sendCall(signer, { ...governance(), functionName: 'proposeTerms', args: [{ ...terms, depositSpacing: 20 }] })
    for (let i = 0; i < 3; i++) {
      await prices(5_000)
      await node.step()
    }
    await sendCall(alice.signer, { ...governance(), functionName: 'accept', args: [GUARDIAN] })
    await sendCall(signer, { ...governance(), functionName: 'applyTerms', args: [{ ...terms, depositSpacing: 20 }] })
    await sendCall(signer, { ...governance(), functionName: 'lowerCap', args: [1, terms.caps[1]! - 1n] })
    await sendCall(alice.signer, { ...governance(), functionName: 'halt', args: [TRADES] })
    await sendCall(signer, { ...governance(), functionName: 'nominate', args: [OPERATOR, STRANGER] })
    const proposed = {
      ...(await signer.read.readContract({ ...governance(), functionName: 'terms' })),
      expirySlack: 90_000,
    }
    await sendCall(signer, { ...governance(), functionName: 'proposeTerms', args: [proposed] })
    await alice.wallet.preferences([8, 15, 8, 8, 8, 8, 8, 8], { expiresIn: 86_400 })
    await node.step()
    // A deposit that waits beyond its time is taken back; another one waits.
    const id = await alice.topUp(0, 'ETH', WEI)
    for (let i = 0; i < 6; i++) {
      await prices(800)
      await sendCall(signer, { address: system.deployed.rounds, abi: ROUNDS_ABI, functionName: 'postRound', args: [] })
    }
    const { settlement } = system.deployed
    const before = await alice.tokens('ETH')
    const { deposits } = await refund(alice.signer, { settlement })
    assert.deepEqual(
      deposits.map(({ depositId, asset, tokenAmount }) => [depositId, asset, tokenAmount]),
      [[id, 1, WEI]],
    )
    assert.equal((await alice.tokens('ETH')) - before, WEI)
    assert.deepEqual((await refund(alice.signer, { settlement })).deposits, [])
    await alice.topUp(0, 'ETH', 2n * WEI)
    // Two lots, as gifts, and takers outside who take the first of them in two parts.
    const { vault } = system.deployed
    const usd = 10n ** 6n
    for (const symbol of ['ETH', 'BTC'] as const) {
      await system.mint(symbol, signer.sender, WEI)
      await approve(signer, system.deployed.tokens[symbol]!, vault, WEI)
      const asset = symbol === 'ETH' ? 1 : 2
      await sendCall(signer, { address: vault, abi: VAULT_ABI, functionName: 'donate', args: [asset, WEI] })
    }
    await prices()
    await sendCall(signer, { address: system.deployed.rounds, abi: ROUNDS_ABI, functionName: 'postRound', args: [] })
    for (const [owner, units] of [
      [alice.signer, 30_000_000n],
      [signer, 20_000_000n],
    ] as const) {
      await system.mint('USD', owner.sender, 1_000n * usd)
      await take(owner, { settlement, asset: 1, units })
    }
  })
  after(async () => {
    close()
    await node.close()
    await proofs.close()
    await system.stop()
  })

  it('agrees before it is', async () => {
    const verdict = await audited()
    assert.ok(verdict.ok, 'error' in verdict ? verdict.error : '')
  })

  it('refuses verifiers of other keys, that of exits as well', async () => {
    const { deployed, signer } = system
    const settlement = { address: deployed.settlement, abi: SETTLEMENT_ABI } as const
    const exits = { address: deployed.escape, abi: ESCAPE_ABI } as const
    const config = await signer.read.readContract({ ...settlement, functionName: 'config' })
    const { exitVerifier } = await signer.read.readContract({ ...exits, functionName: 'config' })
    for (const [circuit, address, other] of [
      ['sweep', config.sweepVerifiers[0]!, config.sweepVerifiers[1]!],
      ['sweep2', config.sweepVerifiers[1]!, config.sweepVerifiers[0]!],
      ['sweep3', config.sweepVerifiers[2]!, config.resolveVerifier],
      ['resolve', config.resolveVerifier, config.sweepVerifiers[0]!],
      ['transact', config.transactVerifier, exitVerifier],
      ['exit', exitVerifier, config.transactVerifier],
    ] as const) {
      const [own, another] = await Promise.all([address, other].map((of) => signer.read.getCode({ address: of })))
      await rawCall(signer, 'hardhat_setCode', address, another!)
      await rawCall(signer, 'evm_mine')
      await refused(audited(), new RegExp(`${circuit} verifier has another key`))
      await rawCall(signer, 'hardhat_setCode', address, own!)
      await rawCall(signer, 'evm_mine')
    }
  })

  it('misses nothing that a contract holds without having said so', async () => {
    const { deployed, signer } = system
    const { address } = governance()
    const digits = (who: Address) => who.slice(2).toLowerCase()
    for (const [contract, who, message] of [
      [address, deployed.admin, /contract's admin is not what its events lead to/],
      [address, alice.address, /contract's guardian is not/],
      [deployed.settlement, deployed.operator, /contract's operator is not/],
    ] as const) {
      const slot = await slotOf(contract, (word) => word.includes(digits(who)))
      const word = (await rawCall(signer, 'eth_getStorageAt', contract, slot, 'latest')) as Hex
      const other = word.replace(digits(who), digits(STRANGER)) as Hex
      await withStorage(contract, slot, other, () => refused(audited(), message))
    }
    // The rule's stored state of ETH, and the gap in the slot of all: a bit of either.
    const { rounds } = deployed
    const { state } = await signer.read.readContract({
      address: rounds,
      abi: ROUNDS_ABI,
      functionName: 'margin',
      args: [1n],
    })
    const stateSlot = keccak256(
      encodeAbiParameters([{ type: 'uint256' }, { type: 'uint256' }], [1n, await statesAt(rounds, state)]),
    )
    await withStorage(rounds, stateSlot, toHex(state + (1n << 200n)), () =>
      refused(audited(), /state of the rule of asset 1 is not what its rounds lead to/),
    )
    const [what, until] = await signer.read.readContract({ ...governance(), functionName: 'haltedUntil' })
    assert.equal(what, TRADES)
    const [, readyAt] = await signer.read.readContract({ ...governance(), functionName: 'proposal' })
    const has = (time: bigint) => (word: Hex) => word.includes(time.toString(16).padStart(10, '0'))
    const [halt, proposal] = [await slotOf(address, has(until)), await slotOf(address, has(readyAt))]
    await withStorage(address, halt, '0x00', () => refused(audited(), /contract's halt is not/))
    await withStorage(address, proposal, '0x00', () => refused(audited(), /contract's proposal of terms is not/))
    const place = (mapping: number) =>
      keccak256(encodeAbiParameters([{ type: 'uint256' }, { type: 'uint256' }], [BigInt(OPERATOR), BigInt(mapping)]))
    for (let mapping = 0; ; mapping++) {
      assert.ok(mapping < 80)
      const word = (await rawCall(signer, 'eth_getStorageAt', address, place(mapping), 'latest')) as Hex
      if (slice(word, 12) !== STRANGER) continue
      const other: Hex = `${slice(word, 0, 12)}${'6b'.repeat(20)}`
      await withStorage(address, place(mapping), other, () => refused(audited(), /nomination of the operator is not/))
      break
    }
  })

  it('follows every event: one that is left out, or says something else, fits no more', async () => {
    const less = (name: string) => (args: any) => ({ ...args, [name]: args[name] - 1n })
    const answered = (change: (word: bigint) => bigint) => (args: any, i: number) =>
      i === 1 ? { ...args, answers: args.answers.with(0, change(args.answers[0])) } : args
    const applied = (name: string) => (args: any, i: number) =>
      i === 0 ? { ...args, parameters: { ...args.parameters, [name]: args.parameters[name] - 1 } } : args
    const cases: readonly [Abi, string, (args: any, count: number) => any, RegExp][] = [
      [
        GOVERNANCE_ABI,
        'Nominated',
        (args, i) => (i === 0 ? undefined : args),
        /without a nomination whose delay is over/,
      ],
      [GOVERNANCE_ABI, 'HandedOver', (args, i) => (i === 3 ? { ...args, to: STRANGER } : args), /without a nomination/],
      [
        GOVERNANCE_ABI,
        'HandedOver',
        (args, i) => (i === ADMIN ? { ...args, to: STRANGER } : args),
        /contract's admin is not/,
      ],
      [GOVERNANCE_ABI, 'HaltedUntil', less('until'), /contract's halt is not/],
      [GOVERNANCE_ABI, 'TermsProposed', (args, i) => (i === 0 ? undefined : args), /terms that were not proposed/],
      [GOVERNANCE_ABI, 'TermsApplied', (args, i) => (i === 1 ? undefined : args), /clocks, fees and caps is not/],
      [GOVERNANCE_ABI, 'CapLowered', less('cap'), /clocks, fees and caps is not/],
      [GOVERNANCE_ABI, 'Bound', (args) => ({ ...args, settlement: STRANGER }), /contract's settlement is not/],
      [ROUNDS_ABI, 'RoundPosted', (args, i) => (i === 1 ? undefined : args), /its round is not the last/],
      // What the sources said, what a round made of it, and how it makes something of it: one bit of any is too many.
      [ROUNDS_ABI, 'RoundPosted', answered((word) => word + 1n), /other prices than its answers lead to/],
      [ROUNDS_ABI, 'RoundPosted', answered((word) => word + (1n << 168n)), /its answer is "none"/],
      [ROUNDS_ABI, 'RoundPosted', (args) => ({ ...args, answers: [] }), /one thing of every source/],
      [ROUNDS_ABI, 'RoundPosted', (args) => ({ ...args, prices: args.prices.with(0, 1n) }), /other prices/],
      [
        ROUNDS_ABI,
        'RoundPosted',
        (args) => ({ ...args, pools: args.pools.with(0, 1n) }),
        /pool of asset 1, which has none/,
      ],
      [ROUNDS_ABI, 'RoundPosted', less('timestamp'), /another time than its block/],
      [ROUNDS_ABI, 'RuleSet', (args) => ({ ...args, rule: { ...args.rule, gap: args.rule.gap + 100 } }), /./],
      [ROUNDS_ABI, 'RuleSet', () => undefined, /./],
      [ROUNDS_ABI, 'ParametersApplied', applied('collateralFactor'), /./],
      [ROUNDS_ABI, 'ParametersApplied', applied('penalty'), /./],
      [ROUNDS_ABI, 'ParametersApplied', (args, i) => (i === 0 ? undefined : args), /./],
      [ORACLES_ABI, 'SourceSet', (args, i) => (i === 0 ? undefined : args), /./],
      [ORACLES_ABI, 'SourceSet', (args) => ({ ...args, source: { ...args.source, heartbeat: 1 } }), /./],
      [SETTLEMENT_ABI, 'Transacted', (args, i) => (i === 0 ? undefined : args), /no step of a batch leads to it/],
      [
        SETTLEMENT_ABI,
        'Transacted',
        (args, i) => (i === 1 ? undefined : args),
        // The last where a slow node settled that batch in a transaction of its own.
        /A \w+ of transaction|accounts' root|accounts root|^Settled of transaction \w+: completeness is another/,
      ],
      [SETTLEMENT_ABI, 'Transacted', (args) => ({ ...args, digest: args.digest + 1n }), /digest is not that of D/],
      [SETTLEMENT_ABI, 'EnvelopeOpened', () => undefined, /./],
      [SETTLEMENT_ABI, 'Settled', (args) => ({ ...args, complete: !args.complete }), /completeness is another/],
      [
        VAULT_ABI,
        'Deposited',
        (args, i) => (i === 0 ? undefined : args),
        /deposit 0 was never made|not the next deposit/,
      ],
      [VAULT_ABI, 'Deposited', (args) => ({ ...args, depositor: STRANGER }), /contract's deposit 0 is not/],
      [VAULT_ABI, 'TakenBack', () => undefined, /deposited and not credited is not/],
      [VAULT_ABI, 'DepositConsumed', () => undefined, /leads to DepositConsumed, which was not said/],
      [VAULT_ABI, 'Checkpointed', (args, i) => (i === 0 ? undefined : args), /it is not the next checkpoint/],
    ]
    for (const [abi, name, change, message] of cases) {
      await refused(
        audited((client) => tamperedLogs(client, abi, name, change)),
        message,
      )
    }
  })

  it('follows lots and fills: no word of them can be another, and none is left out', async () => {
    const messages: Readonly<Record<string, RegExp>> = {
      'Filled.taker': /by the events of the token 0x\w{40}, 0x(5a){20} has not paid it/i,
      'Filled.units': /no such inventory|other lots were taken|beyond the limit/,
      'Filled.mark': /its mark is not the round's/,
      'Filled.loss': /its loss is another/,
      'Filled.kept': /kept another part of the penalty/,
      'Filled.penalty': /kept another part of the penalty/,
      'LotTaken.lot': /other lots were taken/,
      'LotTaken.units': /other lots were taken/,
      'LotTaken.price': /other lots were taken/,
      'LotBegan.units': /other lots that they began/,
    }
    const other = (value: any) =>
      typeof value === 'boolean'
        ? !value
        : typeof value === 'string'
          ? STRANGER
          : typeof value === 'bigint'
            ? value + 1n
            : value + 1
    for (const event of MARKET_ABI) {
      if (event.type !== 'event') continue
      for (const { name } of event.inputs) {
        const changed = (args: any, i: number) => (i === 1 ? { ...args, [name]: other(args[name]) } : args)
        const verdict = audited((client) => tamperedLogs(client, MARKET_ABI, event.name, changed))
        await refused(verdict, messages[`${event.name}.${name}`] ?? /./)
      }
      const without = (args: any, i: number) => (i === 0 ? undefined : args)
      await refused(
        audited((client) => tamperedLogs(client, MARKET_ABI, event.name, without)),
        /./,
      )
    }
  })

  it('goes on behind a batch that nobody can read, and says what it has not checked', async () => {
    const garble = (client: ReadClient & Pinned) =>
      tamperedLogs(client, SETTLEMENT_ABI, 'Transacted', (args, i) => (i === 0 ? 'garbage' : args))
    const whole = await audited()
    const verdict = await audited(garble)
    // Batches behind it in its block rest on it as well: there is no state to go on from between them. A node that is slow
    // settles them in another.
    const at = { address: system.deployed.settlement, abi: SETTLEMENT_ABI, fromBlock: 0n } as const
    const batches = (await system.signer.read.getContractEvents(at)).filter(({ eventName }) =>
      ['Swept', 'Resolved', 'Transacted'].includes(eventName),
    )
    const first = batches.find(({ eventName }) => eventName === 'Transacted')!
    const behind = batches.filter(
      ({ blockNumber, logIndex }) => blockNumber === first.blockNumber && logIndex > first.logIndex,
    )
    assert.ok(!verdict.ok)
    assert.ok(
      verdict.error.startsWith(
        `Not all could be re-checked: ${1 + behind.length} events or batches, the first in transaction ${first.transactionHash}.`,
      ),
      verdict.error,
    )
    assert.deepEqual(
      verdict.notRechecked!.map(({ reason }) => reason),
      [
        'This version does not know the event.',
        ...behind.map(() => 'It rests on a batch of before that cannot be read.'),
      ],
    )
    // All other batches have been checked, and everything that the contracts hold besides.
    const proven = ({ rounds }: ChainVerdict) => rounds.reduce((sum, round) => sum + round.proofs, 0)
    assert.equal(proven(verdict), proven(whole) - 1 - behind.length)
    assert.ok(proven(verdict) > 0)
    await refused(
      audited((client) => tamperedLogs(garble(client), GOVERNANCE_ABI, 'CapLowered', () => undefined)),
      /clocks, fees and caps is not/,
    )
  })
})
