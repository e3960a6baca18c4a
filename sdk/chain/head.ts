import type { Hex } from 'viem'
import { min } from '../../protocol/integer.ts'
import { ChainFailure } from './chain-failure.ts'
import type { EndpointMember } from './endpoint-member.ts'
import type { Question } from './rpc-call.ts'

/** Blocks that an endpoint may be behind others that serve the same chain. */
const LAG = 3n
/** Number of times that a head that went back is asked for again before it is believed. */
const AGAIN = 3

/** A block that reads can be pinned to. */
export interface PinnedBlock {
  readonly number: bigint
  readonly hash: Hex
  /** Seconds since 1970. */
  readonly timestamp: bigint
}

/** The same, and all that the endpoint says of it. */
export interface Head extends PinnedBlock {
  readonly answer: unknown
}

interface Asked {
  readonly members: readonly EndpointMember[]
  pause(round: number): Promise<void>
}

type Ask = (question: Question, member: EndpointMember) => Promise<unknown>

/**
 * The latest block that the endpoints agree on. Of several, those count that are within a few blocks of each other and of as
 * many others as can be, and the block is one that all of them have; a single one may stand for several machines, one of
 * which is behind: a head that went back is believed when it stays there.
 * @throws ChainFailure when none answers, or those within a few blocks of each other are not of one chain
 */
export async function agreedHead(asked: Asked, seen: PinnedBlock | undefined, ask: Ask): Promise<Head> {
  let block = await headOf(asked.members, ask)
  for (let again = 0; again < AGAIN && seen !== undefined && block.number < seen.number; again++) {
    await asked.pause(again)
    block = await headOf(asked.members, ask)
  }
  return block
}

async function headOf(members: readonly EndpointMember[], ask: Ask): Promise<Head> {
  const latest = (member: EndpointMember, tag = 'latest') =>
    ask({ method: 'eth_getBlockByNumber', params: [tag, false] }, member).then(blockOf)
  if (members.length === 1) return latest(members[0]!)
  const rested = members.filter(({ restsUntil }) => restsUntil <= performance.now())
  const among = rested.length === 0 ? members : rested
  const answers = await Promise.allSettled(among.map((member) => latest(member)))
  const heads = among.flatMap((member, i) => {
    const answer = answers[i]!
    return answer.status === 'fulfilled' ? [{ member, block: answer.value }] : []
  })
  if (heads.length === 0) throw (answers[0] as PromiseRejectedResult).reason
  const company = heads
    .map(({ block }) => heads.filter((other) => distance(other.block.number, block.number) <= LAG))
    .reduce((a, b) => (b.length > a.length || (b.length === a.length && lowest(b) > lowest(a)) ? b : a))
  const number = lowest(company)
  const blocks = await Promise.all(
    company.map(async ({ member, block }) => ({
      name: member.name,
      block: block.number === number ? block : await latest(member, `0x${number.toString(16)}`),
    })),
  )
  const votes = (hash: Hex) => blocks.filter(({ block }) => block.hash === hash).length
  const best = blocks.reduce((a, b) => (votes(b.block.hash) > votes(a.block.hash) ? b : a))
  const other = blocks.find(({ block }) => block.hash !== best.block.hash)
  if (other !== undefined && 2 * votes(best.block.hash) <= blocks.length)
    throw new ChainFailure(
      `The endpoints do not agree on block ${number}: at ${best.name} it is ${best.block.hash}, at ${other.name} ${other.block.hash}.`,
      { hint: 'One of them may be following another branch for a moment: try again.' },
    )
  return best.block
}

function lowest(heads: readonly { readonly block: PinnedBlock }[]): bigint {
  return heads.map(({ block }) => block.number).reduce(min)
}

function distance(a: bigint, b: bigint): bigint {
  return a < b ? b - a : a - b
}

function blockOf(answer: unknown): Head {
  const { number, hash, timestamp } = answer as { number: Hex; hash: Hex; timestamp: Hex }
  return { number: BigInt(number), hash, timestamp: BigInt(timestamp), answer }
}
