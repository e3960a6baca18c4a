import { join } from 'node:path'
import { verifyChain } from '../audit/verify-chain.ts'
import { passTime } from '../chain/development-chain.ts'
import { startLocalChain } from '../chain/local-chain.ts'
import { DEFAULT_CLOCKS, type Deployed, deploy } from '../deploy/deploy.ts'
import { parseDeployable } from '../deploy/market-plan.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { sharedViewKey } from '../protocol/keys.ts'
import type { ProfileName } from '../prover/profiles.ts'
import type { ProofService } from '../prover/proof-service.ts'
import { MOCK_FEED_ABI } from '../sdk/abi/mock-feed.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { newLink } from '../sdk/actions/trade.ts'
import { amountsBySymbol, listAmounts } from '../sdk/amounts.ts'
import { AccountHistory } from '../sdk/chain/account-history.ts'
import type { SigningClient } from '../sdk/chain/client.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { NodeMetrics } from '../sequencer/api/metrics.ts'
import { serve } from '../sequencer/api/server.ts'
import { type RoundReport, SequencerNode } from '../sequencer/node/node.ts'
import { type DemoOwner, demoOwner } from './demo-owner.ts'
import { loadKeys } from './load-keys.ts'
import { printText } from './output.ts'
import { openPage } from './page.ts'
import { deploymentStage, endProgress, progress } from './progress.ts'
import type { Act } from './run-demo.ts'
import { openSigner } from './signer.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const NAMES = ['Alice', 'Bob', 'Carol', 'Dave'] as const
const WEI = 10n ** 18n
const USD = 10n ** 6n
const COIN = 10n ** 8n
const DAY = { expiresIn: 86_400 }
/** Before and in the crash, in dollars: ETH, BTC and the perpetual on ETH. */
const PRICES = [194n, 7_935n, 194n]
const CRASH = [110n, 5_000n, 110n]

/**
 * Owners with keys of their own on a local chain: whether all went as it should.
 * @param stay with the page over what was built, until it is told to end: given the outcome; undefined ends at once
 */
export async function runWalletDemo(
  profile: ProfileName,
  proofs: ProofService,
  json: boolean,
  stay?: (act: Act, node: SequencerNode, address: string) => Promise<void>,
): Promise<Act> {
  const started = performance.now()
  const say = (text: string) => (json ? undefined : printText(text))
  const keys = await loadKeys(profile)
  const { market, custody } = parseDeployable(JSON.stringify(demoMarket()))
  say('Second act: accounts of real owners. Starting a local chain and deploying; there is no account yet.')
  const chain = await startLocalChain()
  const data = await temporaryDirectory()
  try {
    const signer = await openSigner(chain.url)
    const deployed = await deploy(market, keys, signer, {
      custody,
      feeds: {},
      onCreate: deploymentStage,
      allowDevelopmentKeys: false,
      data: join(data.path, 'state'),
      clocks: DEFAULT_CLOCKS,
    }).finally(endProgress)
    const node = await SequencerNode.open(deployed.data, signer, loadKeys, { proofs, decoys: false })
    const { settlement } = deployed
    const page = stay && openPage(signer, { served: 'node', operator: false, settlement, profile })
    const { server, port } = await serve(node, new NodeMetrics(), 0, page)
    const reports: RoundReport[] = []
    const step = async () => {
      const report = await node.step((done) => progress(`${done} batches proven`)).finally(endProgress)
      if (report === undefined) throw new PlimsollError('The node found nothing to do.')
      reports.push(report)
      say(
        `  Round ${report.round}: ${report.operations} operations, ${report.liquidated} liquidated, ${report.proofs} proofs in ${report.seconds.toFixed(1)} s; ${report.complete ? 'complete' : 'NOT COMPLETE'}.`,
      )
    }
    const owners = await Promise.all(
      NAMES.map((name, i) => demoOwner(name, signer, chain.url, deployed, `http://127.0.0.1:${port}`, i + 1)),
    )
    const [alice, bob, carol, dave] = owners as [DemoOwner, DemoOwner, DemoOwner, DemoOwner]

    say(
      'Alice deposits 10 ETH, Bob 5,000 USD, Carol 2 ETH, Dave 2,000 USD: each opens an account for a key of its own.',
    )
    await alice.open(1, 10n * WEI)
    await bob.open(0, 5_000n * USD)
    await carol.open(1, 2n * WEI)
    await dave.open(0, 2_000n * USD)
    await step()

    say(
      'Alice borrows 1,000 USD against her ETH. Carol sells 1 ETH to Bob for 194 USD. Carol buys 1 perpetual of Dave. Alice would rather keep her ETH: that stays between her and the sequencer.',
    )
    const { id: loan } = await alice.wallet.withdraw(0, 1_000n * USD, alice.address, DAY)
    const [spot, perpetual] = [newLink(), newLink()]
    await carol.wallet.trade({ asset: 1, direction: 0, x: COIN, y: 194n * USD }, spot, DAY)
    await bob.wallet.trade({ asset: 1, direction: 1, x: COIN, y: 194n * USD }, spot, DAY)
    await step()
    await carol.wallet.trade({ asset: 3, direction: 1, x: COIN, y: 194n * USD }, perpetual, DAY)
    await dave.wallet.trade({ asset: 3, direction: 0, x: COIN, y: 194n * USD }, perpetual, DAY)
    await alice.wallet.preferences([8, 1, 8, 15, 8, 8, 8, 8], DAY)
    await step()
    const [pending] = await alice.wallet.client.withdrawals(await alice.wallet.index())
    const early = await alice.wallet.client.operation(loan)
    say(
      `  Alice's loan was ${early.status}; the settlement that left nobody breached was a checkpoint, so it can be claimed: ${pending!.claimable ? 'yes' : 'no'}.`,
    )
    await sendCall(alice.signer, {
      address: deployed.vault,
      abi: VAULT_ABI,
      functionName: 'claim',
      args: [BigInt(pending!.id)],
    })
    say(`  Paid: Alice holds ${formatDecimal(await alice.tokens(0), 6)} USD in her own wallet.`)

    say('The crash: ETH falls to 110 USD.')
    await setPrices(signer, deployed, CRASH)
    await step()

    say('Alice asks nobody: she rebuilds her account from the chain alone.')
    const history = await AccountHistory.read(signer.read, deployed.settlement)
    const { key, deployment } = alice.wallet
    const index = await alice.wallet.index()
    const recovered = history.account(index, key.publicKey, (sequencer) => sharedViewKey(key.secret, sequencer))
    const same =
      recovered.leaf === node.system.tree.leaf(index) &&
      String(recovered.account.balances) === String(node.system.accounts.at(index)!.balances)
    for (const { version, kind, changes } of recovered.history)
      say(`  version ${version}: ${kind} ${listAmounts(amountsBySymbol(deployment.assets, changes))}`)
    say(`  It is ${same ? 'bit for bit' : 'NOT'} what the sequencer has.`)

    say('Auditing the chain: every proof again.')
    const verdict = await verifyChain(chain.url, deployed.settlement, loadKeys, (done) =>
      progress(`${done} settlements checked`),
    ).finally(endProgress)
    const liquidated = reports.reduce((sum, report) => sum + report.liquidated, 0)
    const operations = reports.reduce((sum, report) => sum + report.operations, 0)
    const ok = verdict.ok && same && liquidated > 0 && pending!.claimable && reports.every(({ complete }) => complete)
    const seconds = Math.round((performance.now() - started) / 1_000)
    say(
      `${operations} operations, ${liquidated} liquidated, ${seconds} s; the audit ${verdict.ok ? 'agrees' : `failed: ${verdict.error}`}.`,
    )
    const act: Act = {
      ok,
      owners: owners.length,
      operations,
      liquidated,
      proofs: reports.reduce((sum, { proofs }) => sum + proofs, 0),
      recovered: same,
      seconds,
      audit: verdict,
    }
    await stay?.(act, node, `http://127.0.0.1:${port}/`)
    server.close()
    server.closeAllConnections()
    await node.close()
    return act
  } finally {
    await chain.stop()
    await data.remove()
  }
}

function demoMarket() {
  const common = {
    decimals: 8,
    collateralFactor: '0.85',
    liabilityFactor: '1.15',
    targetCollateralFactor: '0.8',
    targetLiabilityFactor: '1.2',
    penalty: '0.02',
  }
  const limits = { cap: '1000000', minOpen: '0.01', minDeposit: '0.001' }
  return {
    assets: [
      { symbol: 'USD', decimals: 6 },
      { symbol: 'ETH', price: String(PRICES[0]), depth: '40000', ...common },
      { symbol: 'BTC', price: String(PRICES[1]), depth: '2500', ...common },
      { symbol: 'ETH-PERP', price: String(PRICES[2]), depth: '40000', ...common },
    ],
    minLiability: '50',
    custody: { USD: limits, ETH: limits, BTC: limits },
  }
}

async function setPrices(signer: SigningClient, { feeds }: Deployed, prices: readonly bigint[]): Promise<void> {
  await passTime(signer, DEFAULT_CLOCKS.roundMin + 1)
  for (const [i, address] of Object.values(feeds).entries())
    await sendCall(signer, { address, abi: MOCK_FEED_ABI, functionName: 'setAnswer', args: [prices[i]! * WEI] })
}
