import { parseArgs } from 'node:util'
import { passTime } from '../../chain/development-chain.ts'
import { acceptSequencer, nominateSequencer, sequencerRoles } from '../../chain/sequencer-handover.ts'
import { sequencerKey } from '../../protocol/keys.ts'
import type { ProfileName } from '../../prover/profiles.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { addSequencerKey } from '../../sequencer/state/sequencer-key.ts'
import { startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner } from '../support/test-owner.ts'

// Cost of rekeying all accounts after a handover of the sequencer: a look of a node with nothing else to do, measured on a chain without
// proofs, times as many looks as there have to be; gas and seconds of a proof as docs/figures.md has them, unless told otherwise.

const WEI = 10n ** 18n
const { values } = parseArgs({
  options: {
    accounts: { type: 'string', default: '10000' },
    profile: { type: 'string', default: 'large' },
    'proof-seconds': { type: 'string', default: '1.3' },
    'proof-gas': { type: 'string', default: '190000' },
    json: { type: 'boolean', default: false },
  },
})
const { transact } = PROFILES[values.profile as ProfileName]
const each = 4 * transact.steps

const system = await startEchoSystem(values.profile as ProfileName)
let node = await system.open()
const { server, port } = await serve(node, new NodeMetrics(), 0)
const owner = await newOwner(system, `http://127.0.0.1:${port}`)
for (let i = 0; i < each; i++) await owner.open('ETH', WEI + BigInt(i) * 10n ** 15n)
const prices = () => movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI])
while ((await node.step()) !== undefined);
await node.close()

const { governance } = await sequencerRoles(system.signer.read, system.deployed.settlement)
const key = sequencerKey(await addSequencerKey(system.deployed.data)).publicKey
await nominateSequencer(system.signer, governance, system.signer.sender, key)
await passTime(system.signer, 3_700)
await acceptSequencer(system.signer, governance, key)
await prices()
node = await system.open({ patience: 600_000 })
const before = node.system.accounts.length
const report = (await node.step())!
await node.close()
server.close()
server.closeAllConnections()
await system.stop()

const looks = Number(values.accounts) / report.operations
const proofs = Math.ceil(looks * report.proofs)
const gas = Math.round(looks * Number(report.gas)) + proofs * Number(values['proof-gas'])
const result = {
  accounts: Number(values.accounts),
  profile: values.profile,
  rekeyedInALook: report.operations,
  ofAccounts: before,
  proofsOfALook: report.proofs,
  gasOfALook: Number(report.gas) + report.proofs * Number(values['proof-gas']),
  transactBatches: Math.ceil(Number(values.accounts) / transact.steps),
  proofs,
  gas,
  gasOfAnAccount: Math.round(gas / Number(values.accounts)),
  proofSeconds: Math.round(proofs * Number(values['proof-seconds'])),
}
if (values.json) console.log(JSON.stringify(result))
else
  for (const [name, value] of Object.entries(result)) console.log(`${name.padEnd(20)} ${value.toLocaleString('en-US')}`)
