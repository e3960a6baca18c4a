import type { Address } from 'viem'
import { SCALE } from '../../protocol/constants.ts'
import { formatRatioDown } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { closeProver, prove } from '../../prover/prove.ts'
import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import { VERIFIER_ABI } from '../../sdk/abi/verifier.ts'
import { escapeOf, leave, pullShares, requireFrozen } from '../../sdk/actions/exit.ts'
import { freezeStalled } from '../../sdk/actions/freeze.ts'
import { loadKeys } from '../load-keys.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'
import { amountsBySymbol, listAmounts } from './amounts.ts'
import { type ChainOptions, recoverAccount } from './own-account.ts'
import { chainSigner } from './session.ts'

/** Leaves a frozen system, or freezes a stalled one first: proves the account's equity at the last checkpoint, and pulls its share of the tokens. */
export async function run(
  options: ChainOptions & { to: Address; freeze?: true; pull?: true; keys?: string },
): Promise<void> {
  if (BigInt(options.to) === 0n) throw new PlimsollError('--to is the address 0, which nobody has.')
  const signer = await chainSigner(options.rpc, options)
  const escape = await escapeOf(signer.read, options.settlement)
  if (options.freeze)
    await freezeStalled(signer, escape, (elapsed, period) =>
      progress(`${elapsed} of ${period} seconds of notice`),
    ).finally(endProgress)
  await requireFrozen(signer.read, escape)
  const { key, assets, recovered } = await recoverAccount(options, true)
  const profile = Object.values(PROFILES).find(({ depth }) => depth === recovered.path.length)
  if (profile === undefined) throw new PlimsollError(`No profile has a tree of depth ${recovered.path.length}.`)
  const { index } = recovered.account
  const { exitVerifier } = await signer.read.readContract({
    address: escape.escape,
    abi: ESCAPE_ABI,
    functionName: 'config',
  })
  const expected = await signer.read.readContract({ address: exitVerifier, abi: VERIFIER_ABI, functionName: 'keyHash' })
  const { equity, transaction } = await leave(signer, escape, key, recovered, options.to, {
    async prove(input) {
      const keys = await loadKeys(profile.name, options.keys)
      if (keys.exit.keyHash !== expected)
        throw new PlimsollError("The contract's exit verifier has another key than this installation.", {
          hint: 'Give the keys of its ceremony with --keys.',
        })
      return prove(keys, 'exit', input).finally(closeProver)
    },
  })
  const amounts = options.pull ? await pullShares(signer, escape, index) : []
  const pulled = amountsBySymbol(
    assets.map(({ symbol, tokenDecimals }) => ({ symbol, decimals: tokenDecimals })),
    amounts,
  )
  const worth = formatRatioDown(equity, SCALE, assets[0]!.decimals)
  if (options.json) return printJson({ index, equity: worth, transaction, pulled })
  printText(
    transaction === null
      ? `Account ${index} had left before.`
      : `Account ${index} has left with an equity of ${worth} ${assets[0]!.symbol} at the last checkpoint, transaction ${transaction}`,
  )
  if (options.pull) printText(`Paid to ${options.to}: ${listAmounts(pulled)}`)
}
