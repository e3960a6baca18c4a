import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from 'viem'
import { type LocalChain, startLocalChain } from '../../chain/local-chain.ts'
import { type Clocks, DEFAULT_CLOCKS, type Deployed, deploy, deployContract } from '../../deploy/deploy.ts'
import { parseDeployable } from '../../deploy/market-plan.ts'
import type { RulePlan } from '../../deploy/rule-plan.ts'
import { AccountTree } from '../../protocol/tree.ts'
import type { CircuitKeys, KeySet } from '../../prover/keys.ts'
import { type CircuitName, PROFILES, type ProfileName, stepsOf, windowOf } from '../../prover/profiles.ts'
import { MOCK_TOKEN_ABI } from '../../sdk/abi/mock-token.ts'
import { connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { type NodeOptions, SequencerNode } from '../../sequencer/node/node.ts'

import { echo } from './echo-proof.ts'
import { proofs } from './proofs.ts'

export { echo, verifyEcho } from './echo-proof.ts'

const keyOf = (circuit: CircuitName) => ({ circuit, keyHash: `0x${'1'.padStart(64, '0')}` }) as unknown as CircuitKeys

/** Keys for `EchoVerifier`. */
export function echoKeys(profile: ProfileName): KeySet {
  return {
    profile: PROFILES[profile],
    sweep: keyOf('sweep'),
    sweep2: keyOf('sweep2'),
    sweep3: keyOf('sweep3'),
    resolve: keyOf('resolve'),
    transact: keyOf('transact'),
    exit: keyOf('exit'),
  } as unknown as KeySet
}

/** A market with two tokens besides cash and a synthetic. */
export function looseMarket(): any {
  const common = {
    collateralFactor: '0.85',
    liabilityFactor: '1.15',
    targetCollateralFactor: '0.8',
    targetLiabilityFactor: '1.2',
    penalty: '0.02',
  }
  return {
    assets: [
      { symbol: 'USD', decimals: 6 },
      { symbol: 'ETH', decimals: 8, price: '200', depth: '250000', ...common },
      { symbol: 'BTC', decimals: 8, price: '8000', depth: '9000', ...common },
      { symbol: 'PERP', decimals: 6, price: '50', depth: '900000', ...common },
    ],
    minLiability: '50',
    custody: {
      USD: { cap: '1000000000', minOpen: '10', minDeposit: '1' },
      ETH: { cap: '1000000', minOpen: '0.1', minDeposit: '0.01' },
      BTC: { cap: '1000000', minOpen: '0.01', minDeposit: '0.001' },
    },
  }
}

export interface EchoSystem {
  readonly chain: LocalChain
  readonly signer: SigningClient
  readonly deployed: Deployed
  readonly directory: string
  readonly feeds: readonly Address[]
  open(options?: Partial<NodeOptions> & { data?: string }): Promise<SequencerNode>
  mint(symbol: string, to: Address, amount: bigint): Promise<void>
  copyState(name: string): Promise<string>
  stop(): Promise<void>
}

/**
 * A deployment without proofs on a chain of its own: quick, and for all but the proving as in earnest.
 * @param proven keys to make proofs with after all
 * @param startChain another chain than Hardhat's
 * @param rules of assets whose parameters follow the market, in place of the market's
 * @param plan another market
 */
export async function startEchoSystem(
  profile: ProfileName = 'tiny',
  clocks: Partial<Clocks> = {},
  proven?: KeySet,
  startChain: () => Promise<LocalChain> = startLocalChain,
  rules?: RulePlan,
  plan: object = looseMarket(),
): Promise<EchoSystem> {
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  const chain = await startChain()
  const signer = await connectSigner(chain.url)
  const keys = proven ?? echoKeys(profile)
  const { market, custody, rules: planned } = parseDeployable(JSON.stringify(plan))
  const verifier = (circuit: CircuitName) =>
    deployContract(signer, 'EchoVerifier', [
      stepsOf(circuit, keys.profile),
      windowOf(circuit, keys.profile),
      keys.profile.depth,
      new AccountTree(keys.profile.depth).root,
    ])
  const data = join(directory, 'state')
  const deployed = await deploy(market, keys, signer, {
    custody,
    rules: rules ?? planned,
    feeds: {},
    allowDevelopmentKeys: false,
    data,
    clocks: { ...DEFAULT_CLOCKS, ...clocks },
    ...(proven === undefined && { verifier }),
  })
  return {
    chain,
    signer,
    deployed,
    directory,
    feeds: market.assets.slice(1).map(({ symbol }) => deployed.feeds[symbol]!),
    open: (options = {}) =>
      SequencerNode.open(options.data ?? data, signer, async () => keys, {
        proofs: proven === undefined ? { prove: echo } : proofs,
        decoys: false,
        ...options,
      }),
    mint: async (symbol, to, amount) => {
      await sendCall(signer, {
        address: deployed.tokens[symbol]!,
        abi: MOCK_TOKEN_ABI,
        functionName: 'mint',
        args: [to, amount],
      })
    },
    copyState: async (name) => {
      await cp(data, join(directory, name), { recursive: true })
      return join(directory, name)
    },
    stop: async () => {
      await chain.stop()
      await rm(directory, { recursive: true })
    },
  }
}
