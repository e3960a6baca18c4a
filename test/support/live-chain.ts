import type { Address } from 'viem'
import { buildContracts, builtEnvironment } from '../../chain/artifacts.ts'
import { rawCall } from '../../chain/development-chain.ts'
import { ensureKeys, type KeySet } from '../../prover/keys.ts'
import { writeVerifierContracts } from '../../prover/verifier-contract.ts'
import { MOCK_FEED_ABI } from '../../sdk/abi/mock-feed.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'

/** The settlement's accounts root in its storage, behind status word, 64 heads, as many envelopes of four words each and four rungs. */
export const ACCOUNTS_ROOT_SLOT = '0x145'

/** The tiny keys, and artifacts of their verifiers even where this process has built its contracts before. */
export async function tinyKeysWithVerifiers(): Promise<KeySet> {
  const keys = await ensureKeys('tiny')
  await writeVerifierContracts(keys)
  const environment = await builtEnvironment()
  await buildContracts(environment)
  // It keeps a list of the artifacts that there were when it first looked.
  await environment.artifacts.clearCache()
  return keys
}

/** Moves the chain's time, then sets the feeds: prices in cash times 10^18. */
export async function movePrices(
  signer: SigningClient,
  feeds: readonly Address[],
  prices: readonly bigint[],
  seconds = 400,
): Promise<void> {
  const { timestamp } = await signer.read.getBlock()
  await rawCall(signer, 'evm_setNextBlockTimestamp', `0x${(timestamp + BigInt(seconds)).toString(16)}`)
  await rawCall(signer, 'evm_mine')
  for (const [i, address] of feeds.entries()) {
    const hash = await signer.write.writeContract({
      address,
      abi: MOCK_FEED_ABI,
      functionName: 'setAnswer',
      args: [prices[i]!],
    })
    await signer.read.waitForTransactionReceipt({ hash })
  }
}
