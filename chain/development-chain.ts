import type { SigningClient } from '../sdk/chain/client.ts'

/** Calls a method of a development chain that no standard has. */
export function rawCall(signer: SigningClient, method: string, ...params: unknown[]): Promise<unknown> {
  return (signer.read.request as (call: { method: string; params: unknown[] }) => Promise<unknown>)({ method, params })
}

/** Moves a development chain's time by so many seconds, and mines a block there. */
export async function passTime(signer: SigningClient, seconds: number): Promise<void> {
  await rawCall(signer, 'evm_increaseTime', `0x${seconds.toString(16)}`)
  await rawCall(signer, 'evm_mine')
}
