import assert from 'node:assert/strict'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { builtEnvironment } from '../../chain/artifacts.ts'
import { InvariantBroken, runInvariants } from '../invariants/run.ts'

const CALLS = 50_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MUTANT = join('cache', 'invariants', 'mutant')

describe(`${CALLS} random calls of vault, forced queue, insurance and escape`, () => {
  it('keep custody equal to what everybody is owed, lock nobody out, and end in an escape that shares out the whole', async () => {
    const { all } = await runInvariants({ calls: CALLS, seed: 1 })
    assert.ok(all.get('calls')! >= CALLS)
    // The rare cases happened too.
    for (const kind of [
      'bounce',
      'refund',
      'take back',
      'withdrawal',
      'claim',
      'trade',
      'unwind',
      'take',
      'liquidation',
      'bad debt',
      'checkpoint under water',
      'debt',
      'repayment',
      'debt collected',
      'debt pulled',
      'conversion',
      'redemption',
      'served',
      'discharged',
      'close',
      'close discharged',
      'requeue',
      'escape',
    ])
      assert.ok((all.get(kind) ?? 0) > 4, `${kind}: ${all.get(kind) ?? 0}`)
  })

  it('find a request that is over and still keeps its sender from asking again', async () => {
    await builtEnvironment()
    await mkdir(join(ROOT, MUTANT), { recursive: true })
    await cp(join(ROOT, 'artifacts', 'contracts', 'core'), join(ROOT, MUTANT), { recursive: true })
    const bytecode = await compiled('Forced', 'ForcedQueue', (source) => {
      const mutated = source.replace('        delete _open[request_.index][request_.requester];\n', '')
      assert.notEqual(mutated, source)
      return mutated
    })
    await writeFile(join(ROOT, MUTANT, 'Forced.sol', 'Forced.json'), JSON.stringify({ abi: [], bytecode }))
    await assert.rejects(runInvariants({ calls: 5_000, seed: 1, artifacts: MUTANT }), (error) => {
      assert.ok(error instanceof InvariantBroken)
      assert.match(error.message, /locked out by a request that is over/)
      return true
    })
  })
})

/** Creation code of a core contract, with one of the core's sources changed. */
async function compiled(name: string, changed: string, edit: (source: string) => string): Promise<string> {
  const solc = createRequire(import.meta.url)('solc')
  const sources: Record<string, { content: string }> = {}
  const read = async (path: string): Promise<void> => {
    if (sources[path] !== undefined) return
    const local = path.startsWith('@') ? join('node_modules', path) : path
    const content = await readFile(join(ROOT, local), 'utf8')
    sources[path] = { content: path.endsWith(`core/${changed}.sol`) ? edit(content) : content }
    for (const [, imported] of content.matchAll(/^import [^"]*"([^"]+)";/gm))
      await read(imported!.startsWith('.') ? join(dirname(path), imported!) : imported!)
  }
  const path = `contracts/core/${name}.sol`
  await read(path)
  const { contracts, errors } = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: 'Solidity',
        sources,
        settings: {
          evmVersion: 'cancun',
          viaIR: true,
          optimizer: { enabled: true, runs: 200 },
          outputSelection: { [path]: { [name]: ['evm.bytecode.object'] } },
        },
      }),
    ),
  )
  const bytecode = contracts?.[path]?.[name]?.evm.bytecode.object
  assert.ok(bytecode, JSON.stringify(errors))
  return `0x${bytecode}`
}
