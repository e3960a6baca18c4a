import assert from 'node:assert/strict'

import { decodeErrorResult } from 'viem'

import { contractErrors } from '../../chain/deployment.ts'
import {
  ADA,
  ADA_OWNER,
  abandon,
  BOB,
  type CheckpointRecord,
  checkpoint,
  exitCall,
  freeze,
  fund,
  keyOf,
  ledgerOf,
  open,
  step,
  topUp,
  transact,
  wait,
} from './custody.ts'
import { custodyOf, DEPOSIT, deployMarket, GRACE, type Market, nextRound } from './market.ts'

const CASH = 1_000_000n
const ETH = 100_000_000n
const ONE_ETH = 10n ** 18n

describe('tokens that misbehave', () => {
  let market: Market
  let ada: `0x${string}`
  let bob: `0x${string}`

  beforeEach(async () => {
    market = await deployMarket()
    ;[, , ada, bob] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`]
    await market.rounds.write('postRound')
    await open(market, ada, 0, 1000n * CASH)
    await open(market, bob, 1, 10n * ONE_ETH, BOB)
    await transact(market, [step.open(0n, 0n, 1000n * CASH, ADA), step.open(1n, 1n, 10n * ETH, BOB)])
  })

  it('with a fee on transfers are refused when they come in: WrongReceived', async () => {
    const { vault, tokens, insurance } = market
    await fund(market, ada, 0, 100n * CASH)
    await tokens[0]!.write('setFee', [1n])
    const args = [100n * CASH - 1n, 100n * CASH]
    await vault.refuses('WrongReceived', 'topUp', [0, ADA_OWNER, 0, 100n * CASH], args, ada)
    await vault.refuses('WrongReceived', 'open', [0, 100n * CASH, ...keyOf(40n), false], args, ada, DEPOSIT.openingFee)
    await vault.refuses('WrongReceived', 'donate', [0, 100n * CASH], args, ada)
    await insurance.refuses('WrongReceived', 'insure', [100n * CASH], args, ada)
  })

  it('that return false are refused in both directions', async () => {
    const { vault, tokens, chain } = market
    await fund(market, ada, 0, 100n * CASH)
    await transact(market, [step.withdraw(0n, 0n, CASH, ada)])
    await tokens[0]!.write('setRefusing', [true])
    const failed = async (data: `0x${string}`) => {
      const { errorName } = decodeErrorResult({
        abi: await contractErrors(),
        data: await chain.revertData({ to: vault.address, data, from: ada }),
      })
      assert.equal(errorName, 'SafeERC20FailedOperation')
    }
    await failed(vault.encode('topUp', [0, ADA_OWNER, 0, 100n * CASH]))
    await failed(vault.encode('claim', [0n]))
    await tokens[0]!.write('setRefusing', [false])
    await vault.write('claim', [0n], ada)
  })

  it('that return nothing work', async () => {
    let silent: Awaited<ReturnType<typeof market.chain.contract>> | undefined
    const other = await deployMarket({}, async (config, chain) => {
      silent = await chain.contract('SilentToken')
      return { ...config, custody: [custodyOf(silent.address), ...config.custody.slice(1)] }
    })
    await other.rounds.write('postRound')
    await silent!.write('mint', [ada, 5n * CASH])
    await other.vault.write('open', [0, 5n * CASH, ...ADA, false], ada, DEPOSIT.openingFee)
    await transact(other, [step.open(0n, 0n, 5n * CASH, ADA)])
    await transact(other, [step.withdraw(0n, 0n, 2n * CASH, bob)])
    await other.vault.write('claim', [0n], bob)
    assert.equal(await silent!.read('balanceOf', bob), 2n * CASH)
  })

  it('that rebase up or are sent unasked change no figure', async () => {
    const { vault, tokens } = market
    const before = await ledgerOf(vault, 0)
    await tokens[0]!.write('rebase', [vault.address, 5000n * CASH])
    assert.deepEqual(await ledgerOf(vault, 0), before)
    assert.equal(await vault.read('shortfall', 0), 0n)
    await topUp(market, bob, 0n, 0, 100n)
    await tokens[0]!.write('rebase', [vault.address, 1n])
    assert.equal(await vault.read('shortfall', 0), 1000n * CASH + 99n)
  })

  it('that revert stop their own payments only: settlements, rounds, checkpoints and other tokens go on', async () => {
    const { vault, tokens, escape: exits } = market
    await transact(market, [step.withdraw(0n, 0n, CASH, ada), step.withdraw(1n, 1n, ETH, bob)])
    await tokens[1]!.write('setReverting', [true])
    await assert.rejects(vault.write('claim', [1n], bob))
    await vault.write('claim', [0n], ada)
    await nextRound(market)
    await transact(market, [step.withdraw(1n, 1n, ETH, bob), step.withdraw(0n, 0n, CASH, ada)])
    await vault.write('claim', [3n], ada)
    await topUp(market, ada, 0n, 0, 1000n)
    assert.equal(await vault.read('free', 1), 8n * ETH)
    // The escape goes on without it as well, and pays it when it is back.
    await wait(market, GRACE + 1)
    await freeze(market)
    const { prices } = await vault.read<CheckpointRecord>('lastCheckpoint')
    await exits.write('exit', await exitCall(market, 0n, ada, (998n * CASH) << 32n))
    await exits.write('exit', await exitCall(market, 1n, bob, prices[0]! * 8n * ETH))
    for (const index of [0, 1]) {
      await assert.rejects(exits.write('pull', [index, 1]))
      await exits.write('pull', [index, 0])
    }
    await vault.write('refund', [2n])
    await tokens[1]!.write('setReverting', [false])
    for (const index of [0, 1]) await exits.write('pull', [index, 1])
    await vault.write('claim', [1n], bob)
    await vault.write('claim', [2n], bob)
    for (const asset of [0, 1]) assert.ok((await ledgerOf(vault, asset)).custody <= 2n)
  })

  it('that block a claimant keep nobody else from their funds', async () => {
    const { vault, tokens, escape: exits, insurance } = market
    await fund(market, bob, 0, 50n * CASH)
    await insurance.write('insure', [50n * CASH], bob)
    await nextRound(market)
    await transact(market, [
      step.withdraw(0n, 0n, CASH, bob),
      step.withdraw(0n, 0n, CASH, ada),
      step.withdraw(1n, 1n, ETH, bob),
    ])
    await tokens[0]!.write('setBlocked', [bob, true])
    await assert.rejects(vault.write('claim', [0n], bob))
    await vault.write('claim', [1n], ada)
    await vault.write('claim', [2n], bob)
    await abandon(market)
    const { prices } = await vault.read<CheckpointRecord>('lastCheckpoint')
    await exits.write('exit', await exitCall(market, 0n, ada, (998n * CASH) << 32n))
    await exits.write('exit', await exitCall(market, 1n, bob, prices[0]! * 9n * ETH))
    await assert.rejects(exits.write('pull', [1, 0]))
    await assert.rejects(exits.write('pullShares', [0], bob))
    await exits.write('pullShares', [1], bob)
    await exits.write('pull', [1, 1])
    await exits.write('pull', [0, 0])
    await exits.write('pull', [0, 1])
    await tokens[0]!.write('setBlocked', [bob, false])
    await exits.write('pull', [1, 0])
    await exits.write('pullShares', [0], bob)
    await vault.write('claim', [0n], bob)
    for (const asset of [0, 1]) assert.ok((await ledgerOf(vault, asset)).custody <= 3n)
  })

  describe('that call back during a transfer get nowhere: ReentrancyGuardReentrantCall', () => {
    /** During the transfer that `act` makes, the token calls the contract in its own name. */
    async function reenters(
      target: { address: `0x${string}` },
      call: `0x${string}`,
      act: () => Promise<unknown>,
      error = 'ReentrancyGuardReentrantCall',
    ) {
      const token = market.tokens[0]!
      await token.write('setCall', [target.address, call])
      await act()
      assert.equal(await token.read('reentered'), false)
      const { errorName } = decodeErrorResult({ abi: await contractErrors(), data: await token.read('answer') })
      assert.equal(errorName, error)
      await token.write('setCall', ['0x0000000000000000000000000000000000000000', '0x'])
    }

    it('from a claim into a claim, deposits, refunds and the checkpoint', async () => {
      const { vault, settlement } = market
      const token = market.tokens[0]!.address
      // The token itself is the recipient of the second.
      for (let i = 0; i < 9; i++) await transact(market, [step.withdraw(0n, 0n, CASH, i === 1 ? token : ada)])
      await reenters(vault, vault.encode('claim', [1n]), () => vault.write('claim', [0n], ada))
      await reenters(vault, vault.encode('claim', [2n]), () => vault.write('claim', [2n], ada))
      await reenters(vault, vault.encode('topUp', [0, ADA_OWNER, 0, 1000n]), () => vault.write('claim', [3n], ada))
      await reenters(vault, vault.encode('donate', [0, 1000n]), () => vault.write('claim', [4n], ada))
      await reenters(vault, vault.encode('refund', [0n]), () => vault.write('claim', [5n], ada))
      await reenters(vault, vault.encode('withdrawNativeCredits', [ada]), () => vault.write('claim', [6n], ada))
      await reenters(settlement, settlement.encode('checkpoint', []), () => vault.write('claim', [7n], ada))
      assert.equal((await ledgerOf(vault, 0)).claimable, 2n * CASH)
    })

    it('from a deposit into a deposit, so that one transfer is not counted twice', async () => {
      const { vault } = market
      await fund(market, ada, 0, 1000n)
      await reenters(vault, vault.encode('donate', [0, 1000n]), () =>
        vault.write('topUp', [0, ADA_OWNER, 0, 1000n], ada),
      )
      assert.equal((await ledgerOf(vault, 0)).custody, 1000n * CASH + 1000n)
    })

    it('from the insurance into itself', async () => {
      const { insurance, tokens, vault } = market
      const token = tokens[0]!
      await token.write('mint', [token.address, 10n * CASH])
      await token.write('perform', [token.address, token.encode('approve', [vault.address, 10n * CASH])])
      await token.write('perform', [insurance.address, insurance.encode('insure', [4n * CASH])])
      const insure = token.encode('perform', [insurance.address, insurance.encode('insure', [CASH])])
      await reenters(insurance, insurance.encode('cancel', []), () =>
        market.chain.send({ to: token.address, data: insure }),
      )
      assert.equal(await vault.read('insuring'), 5n * CASH)
      await reenters(
        insurance,
        insurance.encode('cancel', []),
        () => token.write('perform', [insurance.address, insurance.encode('cancel', [])]),
        'NothingWaiting',
      )
      assert.equal(await token.read('balanceOf', token.address), 10n * CASH)
      await token.write('perform', [insurance.address, insurance.encode('insure', [4n * CASH])])
      await nextRound(market)
      await checkpoint(market)
      await token.write('perform', [insurance.address, insurance.encode('redeem', [4n * CASH * 1_000_000n])])
      await nextRound(market)
      await checkpoint(market)
      await reenters(
        insurance,
        insurance.encode('collect', []),
        () => token.write('perform', [insurance.address, insurance.encode('collect', [])]),
        'NothingToCollect',
      )
    })

    it('from a pull into a pull', async () => {
      const { escape: exits } = market
      await abandon(market)
      await exits.write('exit', await exitCall(market, 0n, ada, (1000n * CASH) << 32n))
      await exits.write('exit', await exitCall(market, 1n, bob, 5n))
      await reenters(exits, exits.encode('pull', [0, 0]), () => exits.write('pull', [0, 0]), 'AlreadyPulled')
      await reenters(exits, exits.encode('pull', [0, 1]), () => exits.write('pull', [1, 0]))
    })
  })

  it('of coins: a taker that refuses them keeps only its own', async () => {
    const { vault, chain } = market
    // The operator is an account; a contract without a receive function takes the fees of another market.
    const other = await deployMarket({}, async (config, on) => {
      const feed = await on.contract('MockFeed', [8, 1n])
      return { ...config, settlement: { ...config.settlement, operator: feed.address } }
    })
    await open(other, ada, 0, 1000n)
    const operator = await other.settlement.read<`0x${string}`>('operator')
    await other.chain.client.impersonateAccount({ address: operator })
    await other.chain.client.setBalance({ address: operator, value: ONE_ETH })
    await assert.rejects(other.vault.write('withdrawNativeCredits', [operator]))
    assert.equal(await other.vault.read('nativeCredits', operator), DEPOSIT.openingFee)
    assert.equal(await chain.client.getBalance({ address: vault.address }), 2n * DEPOSIT.openingFee)
  })
})
