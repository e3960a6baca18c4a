import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

/** A text of the user's for randomness: asked for on a terminal, without showing it, or else all of standard input. */
export async function readEntropy(): Promise<string> {
  if (!process.stdin.isTTY) return text(process.stdin)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const prompt = createInterface({ input: process.stdin, output: silent, terminal: true })
  prompt.once('SIGINT', () => process.exit(130))
  process.stderr.write('Type some random text, which is not shown, then Enter: ')
  // An end of the input is an empty text.
  const answer = await prompt.question('').catch(() => '')
  prompt.close()
  process.stderr.write('\n')
  return answer
}
