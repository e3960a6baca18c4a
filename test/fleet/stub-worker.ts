import { FleetKey } from '../../fleet/fleet-key.ts'
import { KeyStore } from '../../fleet/key-store.ts'
import { FleetWorker } from '../../fleet/worker.ts'
import { type Conduct, stubProver } from '../support/stub-prover.ts'

// A prover of a fleet as a process of its own, but for the proving.

interface Settings {
  readonly url: string
  readonly keyFile: string
  readonly source: string
  readonly name: string
  readonly conduct: Conduct
  readonly delay: number
  readonly cache: string
  readonly pulse: number
}

const { url, keyFile, source, name, conduct, delay, cache, pulse } = JSON.parse(process.argv[2]!) as Settings
const worker = await FleetWorker.open({
  redis: url,
  key: await FleetKey.read(keyFile),
  keys: new KeyStore(cache, source),
  proofs: stubProver(conduct, delay),
  name,
  slots: 1,
  pulse,
})
process.once('SIGTERM', () => void worker.close())
process.stdout.write('ready\n')
await worker.ended
process.stdout.write(worker.aside === undefined ? `made ${worker.made}\n` : `aside: ${worker.aside}\n`)
process.exit(0)
