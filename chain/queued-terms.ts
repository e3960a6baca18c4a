import { encodeAbiParameters, type Hex, keccak256, slice } from 'viem'
import type { Point } from '../protocol/curve.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Signature } from '../protocol/signature.ts'
import type { FORCED_ABI } from '../sdk/abi/forced.ts'
import type { VAULT_ABI } from '../sdk/abi/vault.ts'
import { ownerOf } from '../sdk/chain/owner-of.ts'
import type { Settlement } from './settlement.ts'

type Contract<Abi> = { readonly address: `0x${string}`; readonly abi: Abi }

/** Entries of the queue whose events one query asks for: endpoints take only so many topics. */
const CHUNK = 64
const WORDS = [{ type: 'uint256' }, { type: 'uint256' }, { type: 'uint256' }] as const

/**
 * Public keys of queued deposits and signatures of forced requests: the contracts emit them and keep only their hashes, which
 * what is read here is compared with. Remembered, as long as the hashes stay what they are.
 */
export class QueuedTerms {
  readonly #settlement: Settlement
  readonly #vault: Contract<typeof VAULT_ABI>
  readonly #forced: Contract<typeof FORCED_ABI>
  readonly #keys = new Map<bigint, Point>()
  readonly #signatures = new Map<bigint, Signature>()

  constructor(settlement: Settlement, vault: Contract<typeof VAULT_ABI>, forced: Contract<typeof FORCED_ABI>) {
    this.#settlement = settlement
    this.#vault = vault
    this.#forced = forced
  }

  /**
   * The key of each of these deposits, which are to open accounts.
   * @param owners by deposit: the vault's `ownerOf` its index
   * @param block up to which to look; the latest by default
   * @throws PlimsollError when the endpoint does not have an event
   */
  async publicKeys(owners: ReadonlyMap<bigint, Hex>, block?: bigint): Promise<ReadonlyMap<bigint, Point>> {
    const fits = (id: bigint) => this.#keys.has(id) && ownerOf(this.#keys.get(id)!) === owners.get(id)
    return this.#find(
      'deposit',
      [...owners.keys()],
      this.#keys,
      fits,
      async (id, range) => {
        const { read } = this.#settlement.client
        const logs = await read.getContractEvents({
          ...this.#vault,
          eventName: 'Deposited',
          args: { id },
          ...range,
          strict: true,
        })
        for (const { args } of logs) this.#keys.set(args.id, [args.ax, args.ay])
      },
      block,
    )
  }

  /**
   * The signature of each of these pending requests.
   * @param hashes by request, as the contract keeps them
   * @param block up to which to look; the latest by default
   * @throws PlimsollError when the endpoint does not have an event
   */
  async signatures(hashes: ReadonlyMap<bigint, Hex>, block?: bigint): Promise<ReadonlyMap<bigint, Signature>> {
    const fits = (number: bigint) =>
      this.#signatures.has(number) && signatureHash(this.#signatures.get(number)!) === hashes.get(number)
    return this.#find(
      'request',
      [...hashes.keys()],
      this.#signatures,
      fits,
      async (number, range) => {
        const { read } = this.#settlement.client
        const query = { ...this.#forced, args: { number }, ...range, strict: true } as const
        const logs = await Promise.all([
          read.getContractEvents({ ...query, eventName: 'Submitted' }),
          read.getContractEvents({ ...query, eventName: 'CloseSubmitted' }),
        ])
        for (const { args } of logs.flat()) this.#signatures.set(args.number, { r8: [...args.r8], s: args.s })
      },
      block,
    )
  }

  /** A query names many of those that are missing, however far back they are. */
  async #find<T>(
    what: string,
    wanted: readonly bigint[],
    known: Map<bigint, T>,
    fits: (id: bigint) => boolean,
    look: (ids: bigint[], range: { fromBlock: bigint; toBlock: bigint }) => Promise<void>,
    block: bigint | undefined,
  ): Promise<ReadonlyMap<bigint, T>> {
    const missing = wanted.filter((id) => !fits(id))
    if (missing.length > 0) {
      const toBlock = block ?? (await this.#settlement.client.read.getBlockNumber())
      const range = { fromBlock: await this.#settlement.firstBlock(toBlock), toBlock }
      for (let i = 0; i < missing.length; i += CHUNK) await look(missing.slice(i, i + CHUNK), range)
      const left = missing.find((id) => !fits(id))
      if (left !== undefined)
        throw new PlimsollError(`The chain did not serve the event of ${what} ${left}, which waits in the queue.`)
    }
    return new Map(wanted.map((id) => [id, known.get(id)!]))
  }
}

/** As the contract of forced requests keeps it. */
export function signatureHash({ r8: [x, y], s }: Signature): Hex {
  return slice(keccak256(encodeAbiParameters(WORDS, [x, y, s])), 0, 22)
}
