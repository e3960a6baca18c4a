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
  return lasting(
    (differences) => differences.length === 0,
    async (again) => {
      if (again) told = await client.round()
      return compareNode(read, { settlement, round: told })
    },
  )
}

/** Asks again where an answer did not come, three times at the most. @throws the last failure */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE))
    }
  }
}

/** Asks until there is nothing to say, three times at the most. */
export async function lasting<T>(isNothing: (found: T) => boolean, ask: (again: boolean) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const found = await ask(tries > 1)
    if (isNothing(found) || tries === TRIES) return found
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}
