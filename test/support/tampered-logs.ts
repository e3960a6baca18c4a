import {
  type Abi,
  type AbiEvent,
  decodeEventLog,
  encodeAbiParameters,
  encodeEventTopics,
  type Hex,
  type PublicClient,
} from 'viem'
import type { ReadClient } from '../../sdk/chain/client.ts'

type Arguments = Record<string, any>

/**
 * A client that finds other events in the chain than there are: `change` makes other arguments of those of a name, or takes the
 * event away by returning undefined, or leaves nothing of it that can be read.
 */
export function tamperedLogs<C extends ReadClient>(
  client: C,
  abi: Abi,
  eventName: string,
  change: (args: Arguments, count: number) => Arguments | 'garbage' | undefined,
): C {
  const event = abi.find((item): item is AbiEvent => item.type === 'event' && item.name === eventName)!
  const [signature] = encodeEventTopics({ abi: [event] } as never) as [Hex]
  const { read } = client
  const getLogs = async (query: Parameters<PublicClient['getLogs']>[0]) => {
    let count = 0
    return (await read.getLogs(query as never)).flatMap((log) => {
      if (log.topics[0] !== signature) return [log]
      const args = change(
        { ...(decodeEventLog({ abi: [event], data: log.data, topics: log.topics }).args as object) },
        count++,
      )
      if (args === undefined) return []
      if (args === 'garbage') return [{ ...log, data: '0x00' }]
      const topics = encodeEventTopics({ abi: [event], args } as never)
      const plain = event.inputs.filter(({ indexed }) => indexed !== true)
      const data = encodeAbiParameters(
        plain,
        plain.map(({ name }) => args[name!]),
      )
      return [{ ...log, topics, data } as typeof log]
    })
  }
  return { ...client, read: Object.assign(Object.create(read), { getLogs }) }
}
