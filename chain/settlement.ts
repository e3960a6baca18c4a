import { type Abi, type Address, type Hex, isAddress, parseAbi, type TransactionReceipt } from 'viem'
import { type Batch, batchValues, type Opening } from '../protocol/batch.ts'
import type { Point } from '../protocol/curve.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Envelope } from '../protocol/health.ts'
import { type AssetMarks, CASH_MARKS, MARK_NAMES, type Marks } from '../protocol/marks.ts'
import type { KeySet } from '../prover/keys.ts'
import { calldata, type Proof } from '../prover/prove.ts'
import type { ReadClient, SigningClient } from '../sdk/chain/client.ts'
import { refusal } from '../sdk/chain/contract-errors.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { loadArtifact } from './artifacts.ts'
import { contractErrors } from './deployment.ts'

/** A proven batch, ready to be settled. */
export interface ProvenBatch {
  readonly openings: readonly Opening[]
  readonly batch: Batch
  readonly digest: bigint
  readonly proof: Proof
  /** Of a sweep: its moves, for the sequencer only. */
  readonly memo: Hex
}

export interface ChainRound {
  /** 0 before the first. */
  readonly number: number
  readonly timestamp: bigint
  /** As read from the feeds, assets 1..7. */
  readonly prices: readonly bigint[]
}

export interface SettlementConfig {
  readonly operator: Address
  readonly vault: Address
  readonly sweepVerifier: Address
  readonly resolveVerifier: Address
  readonly transactVerifier: Address
  readonly minLiability: bigint
  readonly slots: number
  readonly sequencerKey: Point
}

const VERIFIER_ABI = parseAbi(['function keyHash() view returns (bytes32)'])

export const CIRCUIT_NUMBERS = { sweep: 0, resolve: 1, transact: 2 } as const

/** The settlement contract, typed. Amounts are base units; arrays over assets follow the contract. */
export class Settlement {
  readonly client: ReadClient
  readonly address: Address
  readonly abi: Abi

  private constructor(client: ReadClient, address: Address, abi: Abi) {
    this.client = client
    this.address = address
    this.abi = abi
  }

  /** @throws PlimsollError when there is no such contract on the chain */
  static async at(client: ReadClient, address: string): Promise<Settlement> {
    if (!isAddress(address)) throw new PlimsollError(`${address} is not an address.`, { hint: 'Check --settlement.' })
    const { abi } = await loadArtifact('Settlement')
    const code = await client.read.getCode({ address }).catch((error: unknown) => {
      throw refusal(error, `the code at ${address}`)
    })
    if (code === undefined)
      throw new PlimsollError(`There is no contract at ${address} on the chain at ${client.url}.`, {
        hint: 'Check --settlement and --rpc.',
      })
    // An error may come from a contract that the settlement calls.
    const errors = await contractErrors()
    const settlement = new Settlement(client, address, [...abi.filter(({ type }) => type !== 'error'), ...errors])
    await settlement.config().catch(() => {
      throw new PlimsollError(`The contract at ${address} is not a settlement of this version.`)
    })
    return settlement
  }

  /** A view at the latest block, or at the one given. @throws PlimsollError when the chain does not answer */
  async view<T>(functionName: string, args: readonly unknown[] = [], blockNumber?: bigint): Promise<T> {
    const at = blockNumber === undefined ? {} : { blockNumber }
    const answer = this.client.read.readContract({
      address: this.address,
      abi: this.abi,
      functionName,
      args: [...args],
      ...at,
    })
    return (await answer.catch((error: unknown) => {
      throw refusal(error, functionName)
    })) as T
  }

  /** @throws PlimsollError when the contract's verifiers are of other keys */
  async requireKeys(keys: KeySet): Promise<void> {
    const { sweepVerifier, resolveVerifier, transactVerifier } = await this.config()
    for (const [circuit, address] of [
      ['sweep', sweepVerifier],
      ['resolve', resolveVerifier],
      ['transact', transactVerifier],
    ] as const) {
      const hash = await this.client.read.readContract({ address, abi: VERIFIER_ABI, functionName: 'keyHash' })
      if (hash !== keys[circuit].keyHash)
        throw new PlimsollError(`The contract's ${circuit} verifier has another key than this installation.`)
    }
  }

  config(): Promise<SettlementConfig> {
    return this.view('config')
  }

  async round(blockNumber?: bigint): Promise<ChainRound> {
    const [number, timestamp, prices] = await this.view<[bigint, bigint, readonly bigint[]]>('round', [], blockNumber)
    return { number: Number(number), timestamp, prices }
  }

  /** Marks of assets 0..7 at the latest round. */
  async marks(blockNumber?: bigint): Promise<Marks> {
    const words = await this.view<readonly (readonly bigint[])[]>('marks', [], blockNumber)
    const traded = words.map(
      (row) => Object.fromEntries(MARK_NAMES.map((name, i) => [name, row[i]!])) as unknown as AssetMarks,
    )
    return [CASH_MARKS, ...traded]
  }

  /** Undefined where the slot was never opened. */
  async envelope(slot: number, blockNumber?: bigint): Promise<Envelope | undefined> {
    const [opened, floors, ceilings] = await this.view<[boolean, readonly bigint[], readonly bigint[]]>(
      'envelope',
      [slot],
      blockNumber,
    )
    return opened ? { floors, ceilings } : undefined
  }

  /** Feeds of assets 1, 2, ... */
  async feeds(): Promise<Address[]> {
    const count = Number(await this.view<bigint>('assetCount'))
    const configs = await Promise.all(
      Array.from({ length: count }, (_, i) => this.view<[Address]>('assetConfig', [i + 1])),
    )
    return configs.map(([feed]) => feed)
  }

  /** Sends a transaction and waits for it. @throws PlimsollError naming the contract's error when it is refused */
  send(signer: SigningClient, functionName: string, args: readonly unknown[] = []): Promise<TransactionReceipt> {
    return sendCall(signer, { address: this.address, abi: this.abi, functionName, args: [...args] })
  }

  settle(signer: SigningClient, batches: readonly ProvenBatch[]): Promise<TransactionReceipt> {
    const encoded = batches.map(({ openings, batch, digest, proof, memo }) => ({
      openings: openings.map(({ slot, envelope }) => ({ slot, floors: envelope.floors, ceilings: envelope.ceilings })),
      circuit: CIRCUIT_NUMBERS[batch.circuit],
      window: batch.circuit === 'sweep' ? batch.window : [],
      values: batchValues(batch),
      digest,
      proof: calldata(proof),
      memo,
    }))
    return this.send(signer, 'settle', [encoded])
  }
}

/** Whether a chain runs this version's contract, immutables aside. Only then do its events and views mean what they say. */
export async function isGenuine(client: ReadClient, name: string, address: Address): Promise<boolean> {
  const { deployedBytecode, immutables } = await loadArtifact(name)
  const code = await client.read.getCode({ address })
  if (code?.length !== deployedBytecode.length) return false
  const digits = [...code]
  for (const { start, length } of immutables) digits.fill('0', 2 + 2 * start, 2 + 2 * (start + length))
  return digits.join('') === deployedBytecode
}

export function sameEnvelope(a: Envelope | undefined, b: Envelope | undefined): boolean {
  return `${a?.floors.join()} ${a?.ceilings.join()}` === `${b?.floors.join()} ${b?.ceilings.join()}`
}
