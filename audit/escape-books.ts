import type { PublicClient } from 'viem'
import { ASSETS } from '../protocol/constants.ts'
import { ESCAPE_ABI } from '../sdk/abi/escape.ts'
import { inOrder } from '../sdk/chain/in-order.ts'
import { type At, type EventOf, require, requireSame } from './system-event.ts'

interface Notice {
  declared: boolean
  elapsed: bigint
  ofFeeds: bigint
  lastTick: bigint
}

type Freeze = Extract<EventOf<'escape'>, { eventName: 'FreezeDone' }>['args']
type Exited = Extract<EventOf<'escape'>, { eventName: 'Exited' }>['args']

/** Books of the way out: notices of stalls, and after a freeze who left with which share. Replayed from its events. */
export class EscapeBooks {
  /** By forced request; 0 is the system's own. */
  readonly #notices = new Map<bigint, Notice>()
  readonly #exits = new Map<number, Exited & { pulled: number }>()
  #freeze: Freeze | undefined

  /**
   * @param time of the event's block, in Unix seconds
   * @param epochs checkpoints so far
   * @throws PlimsollError when what it says cannot follow what was said before
   */
  event(event: EventOf<'escape'>, time: bigint, epochs: bigint): void {
    switch (event.eventName) {
      case 'StallDeclared':
        require(event, event.args.epoch === epochs, 'its epoch is not the one that runs')
        require(event, !this.#notice(event.args.request).declared, 'the stall was declared before')
        this.#notices.set(event.args.request, { declared: true, elapsed: 0n, ofFeeds: 0n, lastTick: time })
        return
      case 'Ticked': {
        const notice = this.#notice(event.args.request)
        const { elapsed, ofFeeds } = event.args
        require(event, notice.declared, 'no stall was declared')
        require(event, elapsed >= notice.elapsed && ofFeeds >= notice.ofFeeds, 'time does not run back')
        this.#notices.set(event.args.request, { declared: true, elapsed, ofFeeds, lastTick: time })
        return
      }
      case 'DeclarationVoid':
        require(event, this.#notice(event.args.request).declared, 'no stall was declared')
        this.#notices.set(event.args.request, NONE)
        return
      case 'FreezeDone':
        require(event, this.#freeze === undefined, 'it was frozen before')
        this.#freeze = event.args
        return
      case 'Exited':
        require(event, this.#freeze !== undefined && !this.#exits.has(event.args.index), 'the account cannot leave')
        this.#exits.set(event.args.index, { ...event.args, pulled: 0 })
        return
      case 'Pulled': {
        const exit = this.#exits.get(event.args.index)
        require(event, exit !== undefined, 'the account has not left')
        exit.pulled |= 1 << event.args.asset
      }
    }
  }

  /** A forced request got a new place: what was declared about its old one stands no more. */
  requeued(request: bigint): void {
    if (this.#notices.has(request)) this.#notices.set(request, NONE)
  }

  /** @throws PlimsollError naming what differs from the contract's storage */
  async compare(read: PublicClient, { address, blockNumber }: At): Promise<void> {
    const contract = { address, abi: ESCAPE_ABI, blockNumber } as const
    const requests = new Set([0n, ...this.#notices.keys()])
    const notice = async (request: bigint) => ({
      request,
      stored: await read.readContract({ ...contract, functionName: 'notice', args: [request] }),
    })
    for await (const { request, stored } of inOrder(requests, notice)) {
      const { declared, elapsed, ofFeeds, lastTick } = this.#notice(request)
      requireSame(`notice of stall ${request}`, [declared, elapsed, ofFeeds, lastTick], stored)
    }
    const [holdings, denominator] = await read.readContract({ ...contract, functionName: 'snapshot' })
    const own = this.#freeze ?? { holdings: Array<bigint>(ASSETS).fill(0n), denominator: 0n }
    requireSame('snapshot of the freeze', [own.holdings, own.denominator], [holdings, denominator])
    const exit = async (left: Exited & { pulled: number }) => ({
      left,
      stored: await read.readContract({ ...contract, functionName: 'exitOf', args: [left.index] }),
    })
    for await (const { left, stored } of inOrder(this.#exits.values(), exit))
      requireSame(
        `exit of account ${left.index}`,
        [left.recipient, left.equity, left.pulled, true],
        [stored.recipient, stored.equity, stored.pulled, stored.exited],
      )
  }

  #notice(request: bigint): Notice {
    return this.#notices.get(request) ?? NONE
  }
}

const NONE: Notice = { declared: false, elapsed: 0n, ofFeeds: 0n, lastTick: 0n }
