import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { FIELD } from '../../protocol/constants.ts'
import { type Circuit, mod, openCircuit } from '../support/circuit.ts'
import { forgeResolve, put, putStep } from '../support/circuit-forgery.ts'
import { account, HEALTHY, inDistress, MARKS, PARTIAL } from '../support/circuit-market.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'

const DIGEST = 'digest === link[links - 1].out'

describe('resolve circuit: an inactive step', () => {
  let circuit: Circuit
  /** Step 1 is inactive. */
  let honest: CircuitInput

  before(async () => {
    circuit = await openCircuit('resolve')
    honest = inDistress([account(0, HEALTHY), account(1, PARTIAL)]).resolve(1).input
  })

  it('may hold any account: nothing comes of it', async () => {
    const other = inDistress([account(0, PARTIAL), account(1, PARTIAL)]).resolve(2).input
    const names = [
      'owner',
      'viewKey',
      'version',
      'indexBits',
      'weightBits',
      'sign',
      'magnitude',
      'below',
      'current',
      'children',
    ]
    await accepts(
      circuit,
      putStep(honest, 1, Object.fromEntries(names.map((name) => [name, (other[name] as readonly bigint[])[1]!]))),
    )
  })

  it('refuses to write, move or lose anything by it', async () => {
    const head = 123n
    await rejects(circuit, forgeResolve(honest, [], { rootAfter: head }), 'PublicVector', DIGEST)
    await rejects(circuit, forgeResolve(honest, [], { inboxAfter: head }), 'PublicVector', DIGEST)
    await rejects(circuit, forgeResolve(honest, [], { distressAfter: head }), 'PublicVector', DIGEST)
    for (let i = 0; i < 5; i++) {
      await rejects(
        circuit,
        forgeResolve(honest, [undefined, { write: [0n, 0n, 0n, 0n, 0n].with(i, 1n) }]),
        'PublicVector',
        DIGEST,
      )
    }
    for (let a = 0; a < 8; a++) {
      await rejects(
        circuit,
        forgeResolve(honest, [undefined, { backstopDelta: Array<bigint>(8).fill(0n).with(a, 1n) }]),
        'PublicVector',
        DIGEST,
      )
    }
    await rejects(circuit, forgeResolve(honest, [undefined, { badDebt: 1n }]), 'PublicVector', DIGEST)
  })

  it('refuses to mint into the backstop by balances below zero, which no leaf of it vouches for', async () => {
    // Filled to the cap with r - x of an asset, at a rate of 0, an account would sell -x of it.
    const x = 1_000_000n
    for (const sign of [0n, 1n]) {
      const minted = (sign === 0n ? -1n : 1n) * x
      // Its cash, which pays for them, comes to nothing.
      const coefficient = sign === 0n ? MARKS[1]!.sell : -MARKS[1]!.buy
      const change = (-x * coefficient) >> 32n
      const lie = put(
        put(honest, 'magnitude', [1], [mod(-change), FIELD - x, 0n, 0n, 0n, 0n, 0n, 0n]),
        'sign',
        [1, 1],
        sign,
      )
      const backstopDelta = [-change, minted, 0n, 0n, 0n, 0n, 0n, 0n]
      await rejects(
        circuit,
        forgeResolve(lie, [undefined, { backstopDelta }]),
        'Liquidation',
        'AssertRange(64)(before.magnitude[a])',
      )
    }
  })
})
