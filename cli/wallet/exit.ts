import type { Address } from 'viem'
import { SCALE } from '../../protocol/constants.ts'
import { formatRatioDown } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { ProofService } from '../../prover/proof-service.ts'
import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import { VERIFIER_ABI } from '../../sdk/abi/verifier.ts'
import { type ExitProver, exit, requireFrozen } from '../../sdk/actions/exit.ts'
import { freeze } from '../../sdk/actions/freeze.ts'
import { pull } from '../../sdk/actions/pull.ts'
import { amountsBySymbol, listAmounts } from '../../sdk/amounts.ts'
import type { ReadClient } from '../../sdk/chain/client.ts'
import { systemContracts } from '../../sdk/chain/system-contracts.ts'
import { loadKeys } from '../load-keys.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'
import { type ChainOptions, recoverAccount } from './own-account.ts'
import { chainSigner } from './session.ts'

/**
 * Leaves a frozen system, or freezes a stalled one first: proves the account's equity at the last checkpoint, and
 * pulls its share of the tokens.
 */
export async function run(
  options: ChainOptions & { to: Address; freeze?: true; pull?: true; keys?: string },
): Promise<void> {
  if (BigInt(options.to) === 0n) throw new PlimsollError('--to is the address 0, which nobody has.')
  const signer = await chainSigner(options.rpc, options)
  const { settlement, to: recipient } = options
  if (options.freeze)
    await freeze(signer, {
      settlement,
      onNotice: (elapsed, period) => progress(`${elapsed} of ${period} seconds of notice`),
    }).finally(endProgress)
  await requireFrozen(signer, { settlement })
  const { key, assets, recovered } = await recoverAccount(options, true)
  const { index } = recovered.account
  const prover = await exitProver(signer, options, recovered.path.length)
  const { equity, transaction } = await exit(signer, { settlement, key, recovered, recipient, prover })
  const amounts = options.pull ? await pull(signer, { settlement, index }) : []
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

/** This installation's prover, with the keys that the contract's verifier is of. @throws PlimsollError when it has others */
async function exitProver(
  { read }: ReadClient,
  { settlement, keys: directory }: { settlement: Address; keys?: string },
  depth: number,
): Promise<ExitProver> {
  const profile = Object.values(PROFILES).find((candidate) => candidate.depth === depth)
  if (profile === undefined) throw new PlimsollError(`No profile has a tree of depth ${depth}.`)
  const { escape: address } = await systemContracts(read, settlement)
  const { exitVerifier } = await read.readContract({ address, abi: ESCAPE_ABI, functionName: 'config' })
  const expected = await read.readContract({ address: exitVerifier, abi: VERIFIER_ABI, functionName: 'keyHash' })
  return {
    async prove(input) {
      const keys = await loadKeys(profile.name, directory, ['exit'])
      if (keys.exit.keyHash !== expected)
        throw new PlimsollError("The contract's exit verifier has another key than this installation.", {
          hint: 'Give the keys of its ceremony with --keys.',
        })
      const proofs = new ProofService()
      return proofs.prove(keys, 'exit', input).finally(() => proofs.close())
    },
  }
}
