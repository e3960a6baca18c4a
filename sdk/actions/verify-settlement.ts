import { type Address, decodeFunctionData, type Hex } from 'viem'
import type { Batch, Shape } from '../../protocol/batch.ts'
import { batchValues } from '../../protocol/batch.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { marksOfRows } from '../../protocol/marks.ts'
import { calldata, type Proof } from '../../protocol/proof.ts'
import { vectorSignals } from '../../protocol/public-vector.ts'
import { EMPTY_HEAD } from '../../protocol/stack.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { refusal } from '../chain/contract-errors.ts'
import { settlementConfig } from '../chain/settlement-config.ts'
import {
  type SettledBatch,
  type SystemEvent,
  settledBatch,
  settlementShape,
  systemEvents,
  type UnreadableEvent,
} from '../chain/settlement-history.ts'
import { type SystemContracts, systemContracts } from '../chain/system-contracts.ts'

/** A circuit of a deployment, as its settlement has a verifier for it. */
export type BatchCircuit = 'sweep' | 'sweep2' | 'sweep3' | 'resolve' | 'transact'
const SWEEPS = ['sweep', 'sweep2', 'sweep3'] as const

/** Checks proofs, on whatever machine: the SDK has no prover of its own. */
export interface ProofChecker {
  /** Whether a proof is one of the signals under the checker's own key of the circuit. */
  check(circuit: BatchCircuit, signals: readonly bigint[], proof: Proof): Promise<boolean>
  /** Numbers of the points of its key of the circuit. */
  keyWords(circuit: BatchCircuit): readonly bigint[]
}

export interface VerifySettlementParameters {
  readonly settlement: Address
  readonly transaction: Hex
  readonly checker: ProofChecker
}

/** One statement that was put to the test. */
export interface Check {
  readonly what: string
  /** Undefined where it could not be tested; then `fault` says why. */
  readonly ok: boolean | undefined
  readonly fault?: string
}

export interface VerifySettlementReturnType {
  /** Whether every statement that could be tested holds, the proofs among them. */
  readonly ok: boolean
  readonly round: number
  readonly block: bigint
  readonly batches: readonly {
    readonly circuit: BatchCircuit
    readonly active: number | undefined
    readonly elements: number
  }[]
  readonly checks: readonly Check[]
  /** Questions that no check of one settlement can answer. */
  readonly unknown: readonly string[]
}

export type VerifySettlementErrorType = PlimsollError | ChainFailure

/** Questions that stay open, whatever the checks say. */
const UNKNOWN = [
  'Whether the endpoint shows the chain that others see.',
  'Whether the prices that the oracles gave the round are those of the market.',
  'Whether what came before is sound: the state before this settlement is taken from the contract. An audit of everything is plimsoll verify.',
  'What is in the accounts: that stays between each owner and the sequencer.',
]

/**
 * Checks one settlement from the chain alone: that its call data say what its events say, that the public vector of each of its
 * batches, made anew from the contract's state before, has the digest that was published, that each proof is one of that vector
 * under a key that is the contract's verifier's, and that the contract's state after is the one proven.
 * @throws PlimsollError where the transaction is no settlement of the contract, ChainFailure where the endpoint does not answer
 * @example
 * import { verifySettlement } from '../../sdk/actions/verify-settlement.ts'
 *
 * const [latest] = (await owner.client.rounds()).rounds
 * const { transaction } = latest!.settlements[0]!
 * const { ok, checks } = await verifySettlement(signer, { settlement, transaction, checker })
 */
export async function verifySettlement(
  client: ReadClient,
  { settlement, transaction, checker }: VerifySettlementParameters,
): Promise<VerifySettlementReturnType> {
  try {
    return await verified(client, settlement, transaction, checker)
  } catch (error) {
    throw refusal(error, `the settlement ${transaction}`)
  }
}

async function verified(
  client: ReadClient,
  settlement: Address,
  transaction: Hex,
  checker: ProofChecker,
): Promise<VerifySettlementReturnType> {
  const { read } = client
  const receipt = await read.getTransactionReceipt({ hash: transaction }).catch((error: unknown) => {
    if ((error as Error).name === 'TransactionReceiptNotFoundError')
      throw new PlimsollError(`The chain has no transaction ${transaction}.`)
    throw error
  })
  const block = receipt.blockNumber
  const [contracts, shape, config] = await Promise.all([
    systemContracts(read, settlement),
    settlementShape(read, settlement),
    settlementConfig(read, settlement),
  ])
  const events: (SystemEvent<'settlement' | 'rounds'> | UnreadableEvent)[] = []
  for await (const event of systemEvents(read, { contracts, of: ['settlement', 'rounds'], first: block, end: block }))
    events.push(event)
  const own = events.filter((event) => event.transaction === transaction)
  const end = own.find((event) => event.eventName === 'Settled')
  if (end?.eventName !== 'Settled')
    throw new PlimsollError(`The transaction ${transaction} is no settlement of ${settlement}.`)

  const checks: Check[] = []
  const batches: { circuit: BatchCircuit; active: number | undefined; elements: number }[] = []
  const verifiers = new Map<BatchCircuit, Address>([
    ...config.sweepVerifiers.flatMap((address, i): [BatchCircuit, Address][] =>
      SWEEPS[i] === undefined ? [] : [[SWEEPS[i], address]],
    ),
    ['resolve', config.resolveVerifier],
    ['transact', config.transactVerifier],
  ])
  const touched = events.flatMap((event) => (event.eventName === 'Swept' ? event.args.window : []))
  const ledger = await ledgerBefore(client, contracts, shape, block, config, touched)
  let before = true
  let number = 0
  const published: SettledBatch[] = []
  for (const event of events) {
    if (event.transaction === transaction) before = false
    else if (!before) continue
    if (event.eventName === 'RoundPosted') {
      const rows = await read.readContract({
        address: contracts.rounds,
        abi: ROUNDS_ABI,
        functionName: 'marks',
        blockNumber: block,
      })
      ledger.marks = marksOfRows(rows)
    } else if (event.eventName === 'SequencerKey') ledger.handOver([event.args.x, event.args.y])
    else if (event.eventName === 'EnvelopeOpened') {
      const { slot, floors, ceilings } = event.args
      ledger.open({ slot: Number(slot), envelope: { floors, ceilings } })
    } else {
      const settled = settledBatch(event, shape)
      if (settled === undefined) continue
      const { batch } = settled
      if (before) {
        ledger.apply(batch)
        continue
      }
      published.push(settled)
      const circuit = circuitOf(batch)
      const name = `Batch ${++number} (${circuit})`
      const active = batch.circuit === 'sweep' ? undefined : batch.active
      const [elements, results] = await batchChecks(ledger, settled, circuit, name, checker)
      batches.push({ circuit, active, elements })
      checks.push(...results)
      ledger.apply(batch)
    }
  }
  checks.unshift(await callDataCheck(client, settlement, transaction, published))
  for (const circuit of new Set(batches.map((batch) => batch.circuit)))
    checks.push(await keyCheck(client, circuit, verifiers.get(circuit), checker))
  checks.push(...(await stateChecks(client, settlement, block, transaction, events, ledger)))
  const told = end.args.complete
  checks.push({
    what: `The contract said that the system was ${told ? '' : 'not '}complete after it, and so do the heads and envelopes`,
    ok: ledger.isComplete() === told,
    ...(ledger.isComplete() !== told && { fault: 'Heads and envelopes say otherwise.' }),
  })
  return {
    ok: checks.every(({ ok }) => ok !== false),
    round: Number(end.args.round),
    block,
    batches,
    checks,
    unknown: UNKNOWN,
  }
}

function circuitOf(batch: Batch): BatchCircuit {
  if (batch.circuit !== 'sweep') return batch.circuit
  const circuit = SWEEPS[batch.rung]
  if (circuit === undefined) throw new PlimsollError(`There is no sweep circuit ${batch.rung} here.`)
  return circuit
}

/** The vector's number of elements, and what its digest and its proof are found to be. */
async function batchChecks(
  ledger: Ledger,
  { batch, digest, proof }: SettledBatch,
  circuit: BatchCircuit,
  name: string,
  checker: ProofChecker,
): Promise<[elements: number, checks: Check[]]> {
  let vector: readonly bigint[]
  try {
    vector = ledger.vector(batch)
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error
    return [0, [{ what: `${name}: it is one that the contract takes`, ok: false, fault: error.message }]]
  }
  const signals = vectorSignals(vector, ledger.era)
  const same = signals.digest === digest
  const good = await checker.check(circuit, [signals.digest, signals.z, signals.y], proof)
  const made = `${name}: its public vector of ${vector.length} elements, made from the contract's state before, has the digest that was published`
  return [
    vector.length,
    [
      { what: made, ok: same, ...(!same && { fault: 'The digest is another: something in the vector was changed.' }) },
      {
        what: `${name}: its proof is one of that vector`,
        ok: good,
        ...(!good && { fault: 'The proof is not valid.' }),
      },
    ],
  ]
}

/** The public state that the contract had before a block. @throws ChainFailure where the endpoint has forgotten it */
async function ledgerBefore(
  { read, chainId }: ReadClient,
  contracts: SystemContracts,
  shape: Shape,
  block: bigint,
  { minLiability, slots }: Awaited<ReturnType<typeof settlementConfig>>,
  touched: readonly number[],
): Promise<Ledger> {
  const at = { address: contracts.settlement, abi: SETTLEMENT_ABI, blockNumber: block - 1n } as const
  const rounds = { address: contracts.rounds, abi: ROUNDS_ABI, blockNumber: block - 1n } as const
  const [root, heads, keys, [number]] = await Promise.all([
    read.readContract({ ...at, functionName: 'accountsRoot' }),
    read.readContract({ ...at, functionName: 'heads' }),
    read.readContract({ ...at, functionName: 'sequencerKeys' }),
    read.readContract({ ...rounds, functionName: 'round' }),
  ])
  const domain = { chainId: BigInt(chainId), settlement: BigInt(contracts.settlement), sequencer: keys.at(-1)! }
  const ledger = new Ledger(shape, Number(slots), minLiability, root, heads[INBOX]!, domain)
  ledger.era = keys.length
  for (const [slot, head] of heads.entries()) ledger.heads[slot] = head
  const marks = number === 0n ? undefined : await read.readContract({ ...rounds, functionName: 'marks' })
  if (marks !== undefined) ledger.marks = marksOfRows(marks)
  // Of slots that are empty and that no sweep names, nothing rests on the envelope.
  const named = new Set(touched)
  const envelopes = await Promise.all(
    heads.map((head, slot) =>
      slot <= Math.max(INBOX, DISTRESS) || (head === EMPTY_HEAD && !named.has(slot))
        ? undefined
        : read.readContract({ ...at, functionName: 'envelope', args: [BigInt(slot)] }),
    ),
  )
  for (const [slot, found] of envelopes.entries()) {
    if (found === undefined) continue
    const [opened, floors, ceilings] = found
    if (opened) ledger.envelopes[slot] = { floors, ceilings }
  }
  return ledger
}

interface CalledBatch {
  readonly rung: number
  readonly window: readonly number[]
  readonly values: readonly bigint[]
  readonly digest: bigint
  readonly proof: ReturnType<typeof calldata>
}

/** The batches of a call of `settle`; undefined where it is none. */
function settleCall(data: Hex): readonly CalledBatch[] | undefined {
  try {
    const { functionName, args } = decodeFunctionData({ abi: SETTLEMENT_ABI, data })
    return functionName === 'settle' ? args[0] : undefined
  } catch {
    return undefined
  }
}

/** That the call says what the events say. A call through another contract is not decoded. */
async function callDataCheck(
  { read }: ReadClient,
  settlement: Address,
  hash: Hex,
  published: readonly SettledBatch[],
): Promise<Check> {
  const what = 'The call data of the transaction are what the events say'
  const { to, input } = await read.getTransaction({ hash })
  if (to?.toLowerCase() !== settlement.toLowerCase())
    return { what, ok: undefined, fault: 'The settlement was called through another contract.' }
  const call = settleCall(input)
  if (call === undefined) return { what, ok: false, fault: 'The call is not one of settle.' }
  const said = (values: readonly bigint[], digest: bigint, { a, b, c }: ReturnType<typeof calldata>) =>
    [...values, digest, ...a, ...b.flat(), ...c].join()
  const same =
    call.length === published.length &&
    published.every(({ batch, digest, proof }, i) => {
      const { rung, window, values, digest: named, proof: handed } = call[i]!
      const slots = batch.circuit === 'sweep' ? [batch.rung, ...batch.window].join() : undefined
      return (
        said(batchValues(batch), digest, calldata(proof)) === said(values, named, handed) &&
        (slots === undefined || slots === [rung, ...window].join())
      )
    })
  return { what, ok: same, ...(!same && { fault: 'They differ: the endpoint changed one or the other.' }) }
}

/** That the key the proofs were checked under is the one in the code of the contract's verifier. */
async function keyCheck(
  { read }: ReadClient,
  circuit: BatchCircuit,
  address: Address | undefined,
  checker: ProofChecker,
): Promise<Check> {
  const what = `The key of ${circuit} is the one in the code of the contract's verifier`
  const code = address === undefined ? undefined : await read.getCode({ address })
  const missing = checker.keyWords(circuit).filter((word) => code?.includes(word.toString(16)) !== true)
  return {
    what,
    ok: missing.length === 0,
    ...(missing.length > 0 && { fault: `${missing.length} of its numbers are not in the code at ${address}.` }),
  }
}

/** That the contract has the state that was proven, where nothing else changed it in the same block. */
async function stateChecks(
  { read }: ReadClient,
  address: Address,
  blockNumber: bigint,
  transaction: Hex,
  events: readonly (SystemEvent<'settlement' | 'rounds'> | UnreadableEvent)[],
  ledger: Ledger,
): Promise<Check[]> {
  const what = "The contract's accounts root and heads after it are the proven ones"
  const last = events.findLastIndex((event) => event.transaction === transaction)
  if (events.slice(last + 1).some(({ of }) => of === 'settlement'))
    return [{ what, ok: undefined, fault: 'The same block holds a later settlement.' }]
  const contract = { address, abi: SETTLEMENT_ABI, blockNumber } as const
  const [root, heads] = await Promise.all([
    read.readContract({ ...contract, functionName: 'accountsRoot' }),
    read.readContract({ ...contract, functionName: 'heads' }),
  ])
  const same = root === ledger.root && heads.join() === ledger.heads.join()
  return [{ what, ok: same, ...(!same && { fault: 'The contract has another state.' }) }]
}
