import type { Address } from 'viem'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { TOKEN_ABI } from '../abi/token.ts'
import type { SigningClient } from './client.ts'
import { sendCall } from './send-call.ts'

/** Lets the vault take an amount of a token. @throws PlimsollError when there is not as much */
export async function approve(signer: SigningClient, token: Address, vault: Address, amount: bigint): Promise<void> {
  const contract = { address: token, abi: TOKEN_ABI } as const
  const balance = await signer.read.readContract({ ...contract, functionName: 'balanceOf', args: [signer.sender] })
  if (balance < amount) {
    const [decimals, symbol] = [
      await signer.read.readContract({ ...contract, functionName: 'decimals' }),
      await signer.read.readContract({ ...contract, functionName: 'symbol' }).catch(() => token),
    ]
    throw new PlimsollError(
      `${signer.sender} has ${formatDecimal(balance, decimals)} ${symbol}, and the deposit takes ${formatDecimal(amount, decimals)}.`,
    )
  }
  const allowed = await signer.read.readContract({
    ...contract,
    functionName: 'allowance',
    args: [signer.sender, vault],
  })
  if (allowed >= amount) return
  // Some tokens let an allowance only be changed to 0 or from it.
  if (allowed > 0n) await sendCall(signer, { ...contract, functionName: 'approve', args: [vault, 0n] })
  await sendCall(signer, { ...contract, functionName: 'approve', args: [vault, amount] })
}
