import type { Address, Hex } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { PlimsollError } from '../protocol/errors.ts'
import { ChainFailure } from '../sdk/chain/chain-failure.ts'
import { connect, LOCAL_CHAINS, type SigningClient, withSigner } from '../sdk/chain/client.ts'

/** Environment variable with the operator's private key; a local chain's unlocked account is used without it. */
const PRIVATE_KEY_VARIABLE = 'PLIMSOLL_PRIVATE_KEY'

/**
 * A chain with the account that a command signs with: the one named, or the key of the environment, or a local chain's
 * unlocked account.
 * @param options.variable environment variable with the private key; @param options.from unlocked account of a local chain
 * @throws PlimsollError when nothing answers at the URL, or there is no such account
 */
export async function openSigner(
  rpc: string | readonly string[],
  { variable = PRIVATE_KEY_VARIABLE, from }: { variable?: string; from?: Address } = {},
): Promise<SigningClient> {
  const client = await connect(rpc)
  const account = from ?? privateKeyOf(variable)
  if (account === undefined && !LOCAL_CHAINS.includes(client.chainId))
    throw new PlimsollError(`${variable} is not set.`, { hint: 'It holds the private key that signs.' })
  return withSigner(client, account).catch((error: unknown) => {
    throw error instanceof PlimsollError && !(error instanceof ChainFailure)
      ? new PlimsollError(error.message, { hint: `Set ${variable}.` })
      : error
  })
}

/** The key of an environment variable; undefined where it is not set. @throws PlimsollError when it is no private key */
export function privateKeyOf(variable: string): PrivateKeyAccount | undefined {
  const key = process.env[variable]
  if (key === undefined) return undefined
  const wrong = new PlimsollError(
    `${variable} is not a private key: 0x and 64 hexadecimal digits, not 0 nor beyond the curve's order.`,
  )
  if (!/^0x[0-9a-fA-F]{64}$/.test(key)) throw wrong
  try {
    return privateKeyToAccount(key as Hex)
  } catch {
    throw wrong
  }
}
