import type { TransactionReceipt } from 'viem'

import {
  ADA,
  ADA_OWNER,
  BOB,
  closeSubmission,
  exitCall,
  freeze,
  fund,
  keyOf,
  liquidate,
  open,
  step,
  submission,
  topUp,
  transactBatch,
  wait,
} from './custody.ts'
import { DEPOSIT, deployMarket, FORCED, GRACE, nextRound } from './market.ts'

// Gas of what users and anyone send, and of a step in a settlement, over stub verifiers: a real proof costs 190,000 more.

const CASH = 1_000_000n
const market = await deployMarket()
const { vault, settlement, forced, insurance, escape: exits, rounds } = market
const [, , ada, bob, eve] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`, `0x${string}`]
const print = (what: string, gas: bigint) =>
  console.log(`${what.padEnd(52)} ${gas.toLocaleString('en-US').padStart(10)}`)
const add = async (what: string, sent: Promise<TransactionReceipt>) => print(what, (await sent).gasUsed)
const settle = async (steps: bigint[][], inboxAfter = 5n) =>
  (await settlement.write('settle', [[await transactBatch(market, steps, { inboxAfter })]])).gasUsed

for (const [name, { deployment }] of Object.entries({
  governance: market.governance,
  rounds,
  vault,
  forced,
  insurance,
  settlement,
  escape: exits,
}))
  print(`deployment of ${name}`, deployment.gasUsed)
await rounds.write('postRound')
await nextRound(market)

await open(market, ada, 0, 1000n * CASH)
await fund(market, bob, 1, 100n * 10n ** 18n)
await add('open', vault.write('open', [1, 10n * 10n ** 18n, ...BOB, false], bob, DEPOSIT.openingFee))
await topUp(market, bob, 0n, 1, 10n ** 18n)
await add('topUp', vault.write('topUp', [0, ADA_OWNER, 1, 10n ** 18n], bob))
await settle([step.open(0n, 0n, 1000n * CASH, ADA)])
await settle([step.open(1n, 1n, 1_000_000_000n, BOB)])
await settle([step.topUp(0n, 1n, 100_000_000n)])
await settle([step.withdraw(0n, 0n, CASH, eve), step.withdraw(1n, 1n, CASH, eve)], 0n)

// The head of the inbox is no longer 0 then, and stays what it is.
await settle([])
const none = await settle([])
print('transact of no operation, three steps', none)
const each = async (what: string, one: bigint[][]) => print(`  and for ${what}`, (await settle(one)) - none)
await each('a top-up', [step.topUp(0n, 1n, 100_000_000n)])
await open(market, eve, 0, 5n * CASH, keyOf(40n))
await each('an opening', [step.open(2n, 0n, 5n * CASH, keyOf(40n))])
await each('a withdrawal', [step.withdraw(0n, 0n, CASH, eve)])
await each('a trade, both halves', [step.trade(0n), step.trade(1n)])
print('  and for a checkpoint, without withdrawals', (await settle([], 0n)) - none)
await settle([step.withdraw(0n, 0n, CASH, eve), step.withdraw(1n, 1n, CASH, eve)])
print('  and for a checkpoint, of two assets', (await settle([], 0n)) - none)
await vault.write('claim', [0n], eve)
await add('claim', vault.write('claim', [2n], eve))
await add('checkpoint', settlement.write('checkpoint'))

await liquidate(market, [-150n * CASH, 100_000_000n])
await each('an unwinding', [step.unwind(0n, 1n, 1_000_000n, 2n * CASH, 1n)])

const expiry = (await market.chain.now()) + 10n * 86_400n
await add('reserve', forced.write('reserve', [0, ADA_OWNER], ada, FORCED.bond + FORCED.forcedFee))
const request = { number: 1n, index: 0n, asset: 0n, amount: CASH, recipient: ada, expiry, r8: keyOf(5n), s: 17n }
await add('submit', forced.write('submit', submission(request), ada))
await each('a forced withdrawal', [step.forced(request)])
await forced.write('reserve', [0, ADA_OWNER], ada, FORCED.bond + FORCED.forcedFee)
const close = { ...request, number: 2n, asset: 2n, buys: false, amount: 1_000_000n, limit: 1n }
await add('submit a close', forced.write('submitClose', closeSubmission(close), ada))
await nextRound(market)
await each('a forced close, which begins a lot', [step.close(close, 1_000_000n, 49n * CASH)])

await fund(market, eve, 0, 100n * CASH)
await add('insure', insurance.write('insure', [50n * CASH], eve))
await nextRound(market)
const empty = async () => settlement.write('settle', [[await transactBatch(market, [])]])
await add('settlement with a checkpoint that converts', empty())
await liquidate(market, [200n * CASH])
const [shares] = await insurance.read<[bigint, bigint]>('sharesOf', eve)
await insurance.write('redeem', [shares / 2n], eve)
await nextRound(market)
await add('  that redeems, with inventory', empty())
await settle([step.withdraw(0n, 0n, CASH, eve)])
await liquidate(market, [-400n * CASH], 400n * CASH)
await settle([step.withdraw(0n, 0n, CASH, eve)])
await add('  under water, that cuts', empty())
await liquidate(market, [500n * CASH])
const id = (await vault.read<bigint>('withdrawalCount')) - 1n
await add('collect what is owed', insurance.write('collectOwed', [id], eve))
await wait(market, GRACE + 1)
await freeze(market)
await add('exit', exits.write('exit', await exitCall(market, 0n, ada, (500n * CASH) << 32n)))
await add('pull, the first of a token', exits.write('pull', [0, 0]))
await exits.write('exit', await exitCall(market, 1n, bob, (400n * CASH) << 32n))
await add('pull, a later one', exits.write('pull', [1, 0]))
