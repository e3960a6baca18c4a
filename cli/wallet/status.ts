import { NodeRefusal, NodeUnanswered, PlimsollClient } from '../../sdk/client.ts'
import { commandLine } from '../invocation.ts'
import { NotKnown } from '../not-known.ts'
import { report } from './outcome.ts'

interface Options {
  readonly id: `0x${string}`
  readonly node: string
  readonly json?: true
  readonly wait?: true
}

/** Says what became of an operation; anybody who knows its id may ask. */
export async function run(options: Options): Promise<void> {
  const client = new PlimsollClient({ node: options.node })
  const hint = `Ask again with: ${commandLine(['wallet', 'status', options.id], ['node'])}`
  const state = await client.operation(options.id).catch((error: unknown) => {
    if (error instanceof NodeUnanswered)
      throw new NotKnown(`What became of operation ${options.id} is not known: ${error.message}`, { hint })
    if (error instanceof NodeRefusal && error.code === 'NOT_FOUND')
      throw new NotKnown(
        `The node does not know operation ${options.id}: it was not accepted there, or is forgotten.`,
        {
          hint: 'What was settled shows in plimsoll wallet history, from the chain alone.',
        },
      )
    throw error
  })
  await report(client, state, options)
}
