import { type Hex, toHex } from 'viem'
import { messageHash } from '../protocol/messages.ts'
import { operationMessage } from '../protocol/operation.ts'
import type { DeploymentInfo, OperationRequest } from './schemas.ts'

/** The id of an operation, known before anybody is asked: the hash of the message that its owner signs. */
export function operationId(
  { chainId, settlement }: Pick<DeploymentInfo, 'chainId' | 'settlement'>,
  request: OperationRequest,
): Hex {
  const message = operationMessage({ ...request, version: BigInt(request.version), expiry: BigInt(request.expiry) })
  return toHex(messageHash({ chainId: BigInt(chainId), settlement: BigInt(settlement) }, message), { size: 32 })
}
