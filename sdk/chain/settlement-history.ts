import {
  type Abi,
  type Address,
  type DecodeEventLogReturnType,
  decodeEventLog,
  type Hex,
  type PublicClient,
} from 'viem'
import { type Batch, parseBatch, type Shape } from '../../protocol/batch.ts'
import { type Proof, proofOfCalldata } from '../../protocol/proof.ts'
import { ESCAPE_ABI } from '../abi/escape.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { GOVERNANCE_ABI } from '../abi/governance.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import { MARKET_ABI } from '../abi/market.ts'
import { ORACLES_ABI } from '../abi/oracles.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { VERIFIER_ABI } from '../abi/verifier.ts'
import { blockRanges } from './block-ranges.ts'
import { firstBlockSince } from './first-block.ts'
import { inOrder } from './in-order.ts'
import type { SystemContracts } from './system-contracts.ts'

const ABIS = {
  settlement: SETTLEMENT_ABI,
  governance: GOVERNANCE_ABI,
  oracles: ORACLES_ABI,
  rounds: ROUNDS_ABI,
  vault: VAULT_ABI,
  forced: FORCED_ABI,
  insurance: INSURANCE_ABI,
  escape: ESCAPE_ABI,
  market: MARKET_ABI,
} as const

/** A contract of a system, by its place in `SystemContracts`. */
export type SystemPart = keyof typeof ABIS

/** The place in the chain of something written. */
export interface ChainPlace {
  readonly block: bigint
  readonly transaction: Hex
}

/** The same, to the log. */
interface LogPlace extends ChainPlace {
  /** Number of the log in its block. */
  readonly logIndex: number
}

/** An event of a system's contracts with its arguments, typed by its contract and its name. */
export type SystemEvent<P extends SystemPart = SystemPart> = {
  [Q in P]: LogPlace & { readonly of: Q } & Required<DecodeEventLogReturnType<(typeof ABIS)[Q]>>
}[P]

/** An event that the ABIs of this version do not decode. */
export interface UnreadableEvent extends LogPlace {
  readonly of: SystemPart
  readonly eventName: undefined
}

export interface SystemEventsParameters<P extends SystemPart> {
  readonly contracts: SystemContracts
  /** The contracts whose events are read. */
  readonly of: readonly P[]
  /** Only events of these names; all of them where it is left out. */
  readonly names?: readonly string[]
  /** The first block; that of the deployment where it is left out. */
  readonly first?: bigint
  /** The last block. */
  readonly end: bigint
  /** Blocks that are asked for at a time, where the usual number is too many. */
  readonly blocks?: bigint
}

/** Events of a system's contracts since their deployment, or a later block, in order: from logs alone. */
export async function* systemEvents<P extends SystemPart>(
  read: PublicClient,
  { contracts, of, names, first, end, blocks }: SystemEventsParameters<P>,
): AsyncGenerator<SystemEvent<P> | UnreadableEvent> {
  const parts = new Map(of.map((part) => [contracts[part].toLowerCase(), part]))
  const address = of.map((part): Address => contracts[part])
  const wanted = names === undefined ? {} : { events: eventsNamed(of, names) }
  const ranges = blockRanges(first ?? (await deploymentBlock(read, contracts.settlement, end)), end, blocks)
  for await (const logs of inOrder(ranges, (range) => read.getLogs({ address, ...wanted, ...range }))) {
    for (const { address, data, topics, blockNumber: block, transactionHash: transaction, logIndex } of logs) {
      const part = parts.get(address.toLowerCase())!
      const place = { of: part, block, transaction, logIndex }
      yield { ...place, ...decoded(ABIS[part], data, topics) } as unknown as SystemEvent<P>
    }
  }
}

/** Number of the first block with an event of a settlement's system. */
export async function deploymentBlock(read: PublicClient, address: Address, end: bigint): Promise<bigint> {
  const contract = { address, abi: SETTLEMENT_ABI, blockNumber: end } as const
  return firstBlockSince(read, await read.readContract({ ...contract, functionName: 'deployedAt' }), end)
}

/** The events of some names of some contracts. */
function eventsNamed(of: readonly SystemPart[], names: readonly string[]) {
  return of.flatMap((part) =>
    (ABIS[part] as Abi).flatMap((item) => (item.type === 'event' && names.includes(item.name) ? [item] : [])),
  )
}

function decoded(abi: Abi, data: Hex, topics: [] | [signature: Hex, ...rest: Hex[]]) {
  try {
    const { eventName, args = {} } = decodeEventLog({ abi, data, topics }) as { eventName?: string; args?: object }
    return { eventName, args }
  } catch {
    return { eventName: undefined }
  }
}

const CIRCUITS = { Swept: 'sweep', Resolved: 'resolve', Transacted: 'transact' } as const

/** A batch that a settlement took, as its event repeats it. */
export interface SettledBatch {
  readonly batch: Batch
  readonly digest: bigint
  readonly proof: Proof
  /** Moves of a sweep, for the sequencer only; empty for other circuits. */
  readonly memo: Hex
}

/** The batch of an event; undefined where the event is none. @throws PlimsollError when its values are no batch of the shape */
export function settledBatch(event: SystemEvent | UnreadableEvent, shape: Shape): SettledBatch | undefined {
  if (event.of !== 'settlement') return undefined
  switch (event.eventName) {
    case 'Swept':
    case 'Resolved':
    case 'Transacted': {
      const { values, digest, proof } = event.args
      const [window, memo] = event.eventName === 'Swept' ? [event.args.window, event.args.memo] : [[], '0x' as const]
      return {
        batch: parseBatch(CIRCUITS[event.eventName], window, values, shape),
        digest,
        proof: proofOfCalldata(proof),
        memo,
      }
    }
    default:
      return undefined
  }
}

/** Sizes of the circuits that a settlement was deployed for. */
export async function settlementShape(read: PublicClient, settlement: Address): Promise<Shape> {
  const contract = { address: settlement, abi: SETTLEMENT_ABI } as const
  const [{ transactVerifier }, [sweepSteps, sweepWindow, resolveSteps, transactSteps]] = await Promise.all([
    read.readContract({ ...contract, functionName: 'config' }),
    read.readContract({ ...contract, functionName: 'batchSizes' }),
  ])
  const depth = await read.readContract({ address: transactVerifier, abi: VERIFIER_ABI, functionName: 'depth' })
  return {
    depth: Number(depth),
    sweep: { steps: Number(sweepSteps), window: Number(sweepWindow) },
    resolve: { steps: Number(resolveSteps) },
    transact: { steps: Number(transactSteps) },
  }
}
