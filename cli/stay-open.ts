import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { PlimsollError } from '../protocol/errors.ts'
import type { SequencerNode } from '../sequencer/node/node.ts'
import { printJson, printText } from './output.ts'
import type { Act } from './run-demo.ts'

/** Milliseconds between two looks of the node that stays. */
const INTERVAL = 1_000
/** Programs that open an address in a browser, by the system. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { linux: 'xdg-open', darwin: 'open' }

/** Keeps a demo's node looking at its chain and opens the page over it, until the process is told to end. */
export function stayOpen(json: boolean): (act: Act, node: SequencerNode, address: string) => Promise<void> {
  return async (act, node, address) => {
    if (json) printJson({ ok: act.ok, page: address })
    else printText(`The page is at ${address} and stays there, over the demo's chain and node, until Ctrl-C.`)
    const opener = OPENERS[process.platform]
    // Where there is no browser, the address has been told.
    if (opener !== undefined)
      spawn(opener, [address], { stdio: 'ignore', detached: true })
        .on('error', () => {})
        .unref()
    for (;;) {
      await node.step().catch((error: unknown) => {
        if (!(error instanceof PlimsollError)) throw error
        process.stderr.write(`plimsoll: ${error.message}\n`)
      })
      await sleep(INTERVAL)
    }
  }
}
