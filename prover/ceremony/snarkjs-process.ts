/** A process that does each `SnarkjsJob` that is sent to it as a message, one at a time, until it is ended. */

import type { SnarkjsLogger } from 'snarkjs'
import { zKey } from 'snarkjs'
import type { SnarkjsJob, SnarkjsMessage } from './snarkjs-job.ts'

const PROGRESS_MILLISECONDS = 100

let complaint = ''
let told = 0
const logger: SnarkjsLogger = {
  debug: (text) => {
    const now = performance.now()
    if (now - told < PROGRESS_MILLISECONDS) return
    told = now
    process.send!({ kind: 'progress', text } satisfies SnarkjsMessage)
  },
  info: () => {},
  warn: () => {},
  error: (text) => (complaint ||= text),
}
// Some of what is wrong with a chain snarkjs only prints.
console.log = (text: unknown) => (complaint ||= String(text))

// Nobody waits for the outcome any more.
process.once('disconnect', () => process.exit(1))

process.on('message', (job: SnarkjsJob) => {
  complaint = ''
  run(job).then(
    (value) => answer({ kind: 'outcome', value }),
    (error: unknown) =>
      answer({ kind: 'failure', reason: plain(error instanceof Error ? error.message : String(error)) }),
  )
})

async function run(job: SnarkjsJob): Promise<string> {
  switch (job.kind) {
    case 'initial':
      return hex(await zKey.newZKey(job.r1cs, job.ptau, job.output, logger))
    case 'contribute':
      return hex(await zKey.contribute(job.input, job.output, job.name, job.entropy, logger))
    case 'beacon':
      return hex(await zKey.beacon(job.input, job.output, job.name, job.value, job.iterations, logger))
    case 'verify': {
      // Not zKey.verifyFromR1cs, which goes on where the initial key could not be made.
      const initial = { type: 'bigMem' } as const
      hex(await zKey.newZKey(job.r1cs, job.ptau, initial, logger))
      if ((await zKey.verifyFromInit(initial, job.ptau, job.input, logger)) === true) return ''
      return plain(complaint || 'the key does not follow from circuit and powers of tau')
    }
  }
}

/** Only a success is a hash; where snarkjs fails, it also returns -1 or false. */
function hex(hash: unknown): string {
  if (hash instanceof Uint8Array) return Buffer.from(hash).toString('hex')
  throw new Error(complaint || 'no reason given')
}

function plain(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(/\.$/, '')
}

function answer(message: SnarkjsMessage): void {
  process.send!(message)
}
