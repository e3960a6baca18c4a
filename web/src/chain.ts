import { type CompareNodeReturnType, compareNode } from '../../sdk/actions/compare-node.ts'
import { connect, type ReadClient } from '../../sdk/chain/client.ts'
import type { RoundInfo } from '../../sdk/schemas.ts'
import { type Config, client } from './node.ts'

let connection: Promise<ReadClient> | undefined

/** The chain, by way of this page's own address. */
export function chain(): Promise<ReadClient> {
  connection ??= connect(`${location.origin}/rpc`)
  connection.catch(() => {
    connection = undefined
  })
  return connection
}

/** Milliseconds after which a node that differs from the chain is asked again: it may be a block behind. */
const PAUSE = 2_500
const TRIES = 3

/** Differences between node and chain that last. */
export async function compare({ settlement }: Config, round: RoundInfo): Promise<CompareNodeReturnType> {
  const read = await chain()
  let told = round
  for (let tries = 1; ; tries++) {
    const differences = await compareNode(read, { settlement, round: told })
    if (differences.length === 0 || tries === TRIES) return differences
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
    told = await client.round()
  }
}
