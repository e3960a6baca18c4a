import {
  type Abi,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  type Hex,
  isAddress,
  type TransactionReceipt,
} from 'viem'
import { type Batch, batchValues, type Opening } from '../protocol/batch.ts'
import type { Point } from '../protocol/curve.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Envelope } from '../protocol/health.ts'
import { CASH_MARKS, type Marks, marksOfRow } from '../protocol/marks.ts'
import { calldata, type Proof } from '../protocol/proof.ts'
import type { BatchKeys, CircuitKeys, KeySet } from '../prover/keys.ts'
import { type CircuitName, PROFILES, type Profile, SWEEPS } from '../prover/profiles.ts'
import { ESCAPE_ABI } from '../sdk/abi/escape.ts'
import { ROUNDS_ABI } from '../sdk/abi/rounds.ts'
import { SETTLEMENT_ABI } from '../sdk/abi/settlement.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { VERIFIER_ABI } from '../sdk/abi/verifier.ts'
import { isUnserved, NothingThere } from '../sdk/chain/chain-failure.ts'
import type { ReadClient, SigningClient } from '../sdk/chain/client.ts'
import { ContractRefusal, refusal } from '../sdk/chain/contract-errors.ts'
import { firstBlockSince } from '../sdk/chain/first-block.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { systemContracts } from '../sdk/chain/system-contracts.ts'
import { codeDigest } from './code-digest.ts'
import { CODE_DIGESTS } from './code-digests.ts'

/** A proven batch, ready to be settled. */
export interface ProvenBatch {
  readonly openings: readonly Opening[]
  readonly batch: Batch
  readonly digest: bigint
  readonly proof: Proof
  /** Moves of a sweep, for the sequencer only; empty for other circuits. */
  readonly memo: Hex
}

export interface ChainRound {
  /** 0 before the first. */
  readonly number: number
  readonly timestamp: bigint
  /** Those that value accounts, of assets 1..7. */
  readonly prices: readonly bigint[]
}

export interface SettlementConfig {
  readonly operator: Address
  readonly vault: Address
  readonly sweepVerifiers: readonly Address[]
  readonly resolveVerifier: Address
  readonly transactVerifier: Address
  readonly minLiability: bigint
  readonly slots: number
  readonly sequencerKey: Point
}

export const CIRCUIT_NUMBERS = { sweep: 0, resolve: 1, transact: 2 } as const

type SettlementAbi = typeof SETTLEMENT_ABI
type View = ContractFunctionName<SettlementAbi, 'view' | 'pure'>
type ViewArgs<F extends View> = ContractFunctionArgs<SettlementAbi, 'view' | 'pure', F>
type Result<F extends View> = ContractFunctionReturnType<SettlementAbi, 'view' | 'pure', F>
type Call = ContractFunctionName<SettlementAbi, 'nonpayable'>

/** The settlement contract, typed. Amounts are base units; arrays over assets follow the contract. */
export class Settlement {
  readonly client: ReadClient
  readonly address: Address
  readonly abi = SETTLEMENT_ABI
  readonly #parts = new Map<'rounds' | 'vault', Address>()

  private constructor(client: ReadClient, address: Address) {
    this.client = client
    this.address = address
  }

  /** @throws PlimsollError when there is no such contract on the chain */
  static async at(client: ReadClient, address: string): Promise<Settlement> {
    if (!isAddress(address)) throw new PlimsollError(`${address} is not an address.`, { hint: 'Check --settlement.' })
    const code = await client.read.getCode({ address }).catch((error: unknown) => {
      throw refusal(error, `the code at ${address}`)
    })
    if (code === undefined)
      throw new PlimsollError(`There is no contract at ${address} on the chain at ${client.url}.`, {
        hint: 'Check --settlement and --rpc.',
      })
    const settlement = new Settlement(client, address)
    await settlement.config().catch((error: unknown) => {
      throw isUnserved(error)
        ? error
        : new PlimsollError(`The contract at ${address} is not a settlement of this version.`)
    })
    return settlement
  }

  /** A view at the latest block, or at the one given. @throws PlimsollError when the chain does not answer */
  async view<F extends View>(
    functionName: F,
    ...[args, blockNumber]: ViewArgs<F> extends readonly []
      ? [args?: [], block?: bigint]
      : [ViewArgs<F>, block?: bigint]
  ): Promise<Result<F>> {
    // The signature above has checked the call; viem's own types are beyond what a generic function can satisfy.
    const call = {
      address: this.address,
      abi: this.abi as Abi,
      functionName: functionName as string,
      args: (args ?? []) as readonly unknown[],
    }
    const answer = this.client.read.readContract(blockNumber === undefined ? call : { ...call, blockNumber })
    return answer.catch((error: unknown) => {
      throw refusal(error, functionName)
    }) as Promise<Result<F>>
  }

  /** @throws PlimsollError when the verifiers of the contract, or of exits where their keys are at hand, are of other keys */
  async requireKeys(keys: BatchKeys & Partial<KeySet<'exit'>>): Promise<void> {
    const { sweepVerifiers, resolveVerifier, transactVerifier } = await this.config()
    if (sweepVerifiers.length !== SWEEPS.length)
      throw new PlimsollError(
        `The contract has ${sweepVerifiers.length} sweep circuits, this installation ${SWEEPS.length}.`,
      )
    for (const [i, circuit] of SWEEPS.entries()) await this.#requireKey(circuit, sweepVerifiers[i]!, keys[circuit])
    await this.#requireKey('resolve', resolveVerifier, keys.resolve)
    await this.#requireKey('transact', transactVerifier, keys.transact)
    if (keys.exit === undefined) return
    const contracts = await systemContracts(this.client.read, this.address)
    const { exitVerifier } = await this.client.read.readContract({
      address: contracts.escape,
      abi: ESCAPE_ABI,
      functionName: 'config',
    })
    await this.#requireKey('exit', exitVerifier, keys.exit)
  }

  async #requireKey(circuit: CircuitName, address: Address, { keyHash }: CircuitKeys): Promise<void> {
    const hash = await this.client.read.readContract({ address, abi: VERIFIER_ABI, functionName: 'keyHash' })
    if (hash !== keyHash)
      throw new PlimsollError(`The contract's ${circuit} verifier has another key than this installation.`)
  }

  /** The profile whose circuits the contract was deployed for. @throws PlimsollError when there is none */
  async profile(): Promise<Profile> {
    const [sweeps, resolveSteps, transactSteps] = await this.view('batchSizes')
    const sizes = [...sweeps.flatMap(({ steps, window }) => [steps, window]), resolveSteps, transactSteps].join()
    const profile = Object.values(PROFILES).find(
      ({ sweeps, resolve, transact }) =>
        [...sweeps.flatMap(({ steps, window }) => [steps, window]), resolve.steps, transact.steps].join() === sizes,
    )
    if (profile !== undefined) return profile
    throw new PlimsollError('The contract was deployed for circuits of another size than any profile.')
  }

  config(): Promise<SettlementConfig> {
    return this.view('config')
  }

  async round(blockNumber?: bigint): Promise<ChainRound> {
    const [number, timestamp, prices] = await this.#ofRounds('round', blockNumber)
    return { number: Number(number), timestamp, prices }
  }

  /** Marks of assets 0..7 at the latest round. */
  async marks(blockNumber?: bigint): Promise<Marks> {
    const words = await this.#ofRounds('marks', blockNumber)
    return [CASH_MARKS, ...words.map(marksOfRow)]
  }

  /** Undefined where the slot was never opened. */
  async envelope(slot: number, blockNumber?: bigint): Promise<Envelope | undefined> {
    const [opened, floors, ceilings] = await this.view('envelope', [BigInt(slot)], blockNumber)
    return opened ? { floors, ceilings } : undefined
  }

  /** The contract of the rounds. */
  rounds(): Promise<Address> {
    return this.#part('rounds')
  }

  /** Holdings of the backstop of assets 0 to 7, in base units; negative where it is short. */
  async backstop(blockNumber?: bigint): Promise<readonly bigint[]> {
    const address = await this.#part('vault', blockNumber)
    const call = { address, abi: VAULT_ABI, functionName: 'backstop' } as const
    const at = blockNumber === undefined ? {} : { blockNumber }
    return this.client.read.readContract({ ...call, ...at }).catch((error: unknown) => {
      throw refusal(error, 'backstop')
    })
  }

  /** The first block with an event of the system. */
  async firstBlock(end: bigint): Promise<bigint> {
    return firstBlockSince(this.client.read, await this.view('deployedAt'), end)
  }

  async #ofRounds<N extends 'round' | 'marks'>(functionName: N, blockNumber?: bigint) {
    const at = blockNumber === undefined ? {} : { blockNumber }
    const address = await this.#part('rounds', blockNumber)
    const call = { address, abi: ROUNDS_ABI, functionName, ...at } as const
    return this.client.read.readContract(call).catch((error: unknown) => {
      throw refusal(error, functionName)
    })
  }

  /** A contract of the system, which never changes: asked once, but again where there was no answer. */
  async #part(name: 'rounds' | 'vault', blockNumber?: bigint): Promise<Address> {
    const known = this.#parts.get(name) ?? (await this.view(name, [], blockNumber))
    this.#parts.set(name, known)
    return known
  }

  /** Sends a transaction and waits for it. @throws PlimsollError naming the contract's error when it is refused */
  send<F extends Call>(
    signer: SigningClient,
    functionName: F,
    args: ContractFunctionArgs<SettlementAbi, 'nonpayable', F>,
  ): Promise<TransactionReceipt> {
    return sendCall<SettlementAbi, F>(signer, { address: this.address, abi: this.abi, functionName, args })
  }

  /** Settles batches in one transaction. @throws PlimsollError naming the contract's error when it is refused */
  settle(signer: SigningClient, batches: readonly ProvenBatch[]): Promise<TransactionReceipt> {
    return this.send(signer, 'settle', [batches.map(batchCalldata)])
  }

  /** Whether the contract would settle batches at its latest block. @throws PlimsollError when the chain does not answer */
  async takes({ read, sender }: SigningClient, batches: readonly ProvenBatch[]): Promise<boolean> {
    const { address, abi } = this
    try {
      const args = [batches.map(batchCalldata)] as const
      await read.simulateContract({ account: sender, address, abi, functionName: 'settle', args })
      return true
    } catch (error) {
      const reason = refusal(error, 'settle')
      if (reason instanceof ContractRefusal) return false
      throw reason
    }
  }

  /** Gas that a settlement of batches would use now. @throws viem's error when it would be refused or the chain does not answer */
  settlementGas({ read, sender }: SigningClient, batches: readonly ProvenBatch[]): Promise<bigint> {
    const { address, abi } = this
    const args = [batches.map(batchCalldata)] as const
    return read.estimateContractGas({ account: sender, address, abi, functionName: 'settle', args })
  }
}

/** A proven batch as the contract takes it. */
export function batchCalldata({ openings, batch, digest, proof, memo }: ProvenBatch) {
  return {
    openings: openings.map(envelopeCalldata),
    circuit: CIRCUIT_NUMBERS[batch.circuit],
    rung: batch.circuit === 'sweep' ? batch.rung : 0,
    window: batch.circuit === 'sweep' ? batch.window : [],
    values: batchValues(batch),
    digest,
    proof: calldata(proof),
    memo,
  }
}

/** Bounds of an envelope as the contracts take them. */
type SevenWords = readonly [bigint, bigint, bigint, bigint, bigint, bigint, bigint]

/** Floors or ceilings of an envelope, one a traded asset, as the contracts take them. */
export function sevenWords(bounds: readonly bigint[]): SevenWords {
  const [a, b, c, d, e, f, g] = bounds
  return [a!, b!, c!, d!, e!, f!, g!]
}

/** The opening of an envelope as the contract takes it. */
export function envelopeCalldata({ slot, envelope: { floors, ceilings } }: Opening) {
  return { slot, floors: sevenWords(floors), ceilings: sevenWords(ceilings) }
}

/** Whether a chain runs this version's contract, immutables aside. Only then do its events and views mean what they say. */
export async function isGenuine(
  client: ReadClient,
  name: keyof typeof CODE_DIGESTS,
  address: Address,
): Promise<boolean> {
  const { hash, immutables } = CODE_DIGESTS[name]
  const deployed = await client.read.getCode({ address })
  if (deployed === undefined)
    throw new NothingThere(
      `The chain did not serve the code at ${address}: there is none there, as the endpoint has it.`,
      {
        hint: 'The endpoint may be behind.',
      },
    )
  return codeDigest(deployed, immutables) === hash
}

export function sameEnvelope(a: Envelope | undefined, b: Envelope | undefined): boolean {
  return `${a?.floors.join()} ${a?.ceilings.join()}` === `${b?.floors.join()} ${b?.ceilings.join()}`
}
