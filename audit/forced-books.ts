import { encodeAbiParameters, keccak256, type PublicClient, pad, slice, zeroAddress } from 'viem'
import { FORCED_ABI } from '../sdk/abi/forced.ts'
import { inOrder } from '../sdk/chain/in-order.ts'
import { type At, type EventOf, require, requireSame } from './system-event.ts'

/** As the contract numbers them. */
const STATES = { reserved: 1, pending: 2, served: 3, discharged: 4, closed: 5 } as const
const SIGNATURE = [{ type: 'uint256' }, { type: 'uint256' }, { type: 'uint256' }] as const

type Submitted = Extract<EventOf<'forced'>, { eventName: 'Submitted' | 'CloseSubmitted' }>['args']
type Reserved = Extract<EventOf<'forced'>, { eventName: 'Reserved' }>['args']
interface Request extends Reserved {
  state: keyof typeof STATES
  submitted?: Submitted
  deadline: bigint
}

/** Books of the forced requests and their queue, replayed from its events. */
export class ForcedBooks {
  readonly #requests = new Map<bigint, Request>()
  /** Places given so far. */
  #places = 0

  /** @throws PlimsollError when what it says cannot follow what was said before */
  event(event: EventOf<'forced'>): void {
    switch (event.eventName) {
      case 'Reserved':
        require(event, event.args.number === BigInt(this.#requests.size + 1), 'it is not the next request')
        this.#requests.set(event.args.number, { ...event.args, state: 'reserved', deadline: 0n })
        return
      case 'Submitted':
      case 'CloseSubmitted': {
        const request = this.#request(event, 'reserved')
        require(event, event.args.index === request.index, 'it was reserved for another account')
        request.submitted = event.args
        request.state = 'pending'
        request.deadline = event.args.deadline
        this.#places++
        return
      }
      case 'Requeued':
        this.#request(event, 'pending').deadline = event.args.deadline
        this.#places++
        return
      case 'Released':
        this.#request(event, 'reserved').state = 'closed'
        return
      case 'Served':
        this.#request(event, 'pending').state = 'served'
        return
      case 'Discharged':
        this.#request(event, 'pending').state = 'discharged'
        return
      case 'Closed':
        this.#request(event, 'pending').state = 'closed'
    }
  }

  /** @throws PlimsollError naming what differs from the contract's storage */
  async compare(read: PublicClient, { address, blockNumber }: At): Promise<void> {
    const contract = { address, abi: FORCED_ABI, blockNumber } as const
    const next = await read.readContract({ ...contract, functionName: 'nextNumber' })
    requireSame('number of forced requests', this.#requests.size + 1, next)
    const [, end] = await read.readContract({ ...contract, functionName: 'queue' })
    requireSame('queue of forced requests', this.#places, end)
    const ask = async (own: Request) => ({
      own,
      request: await read.readContract({ ...contract, functionName: 'request', args: [own.number] }),
    })
    for await (const { own, request: r } of inOrder(this.#requests.values(), ask)) {
      const { asset = 0, amount = 0n, expiry = 0 } = own.submitted ?? {}
      const { recipient, inFull, closes, buys, limit } = termsOf(own)
      requireSame(
        `forced request ${own.number}`,
        [
          own.requester,
          own.index,
          STATES[own.state],
          own.deadline,
          asset,
          amount,
          recipient,
          expiry,
          inFull,
          closes,
          buys,
          limit,
          hash(own),
        ],
        [
          r.requester,
          r.index,
          r.state,
          r.deadline,
          r.asset,
          r.amount,
          r.recipient,
          r.expiry,
          r.inFull,
          r.closes,
          r.buys,
          r.limit,
          r.signatureHash,
        ],
      )
    }
  }

  #request(event: EventOf<'forced'>, state: Request['state']): Request {
    const { number } = event.args
    const request = this.#requests.get(number)
    require(event, request?.state === state, `request ${number} is not ${state}`)
    return request!
  }
}

/** Terms that a withdrawal has and a close has not, or the other way round. */
function termsOf({ submitted }: Request) {
  const none = { recipient: zeroAddress, inFull: false, closes: false, buys: false, limit: 0n }
  if (submitted === undefined) return none
  return 'limit' in submitted
    ? { ...none, closes: true, buys: submitted.buys, limit: submitted.limit }
    : { ...none, recipient: submitted.recipient, inFull: submitted.inFull }
}

/** First 22 bytes of the hash of a request's signature: all that the contract keeps of it. */
function hash({ submitted }: Request) {
  if (submitted === undefined) return pad('0x', { size: 22 })
  return slice(keccak256(encodeAbiParameters(SIGNATURE, [...submitted.r8, submitted.s])), 0, 22)
}
