import assert from 'node:assert/strict'
import type { Account } from '../../protocol/account.ts'
import type { CircuitInput } from '../../protocol/system.ts'
import { openCircuit } from '../support/circuit.ts'
import { undetermined } from '../support/circuit-determinism.ts'
import { account, BANKRUPT, BELOW_TARGET, DUST, HEALTHY, inDistress, inInbox, PARTIAL, TINY, WINDOW } from '../support/circuit-market.ts'
import { accepts } from '../support/circuit-rejection.ts'

/** Inverse hints where the number is 0: see mutation.test.ts. */
const FREE = /\.(staleInverse|NonZeroIff_\d+_\d+\.inverse|IsZero_\d+_\d+\.inv)$/

describe('determinism: with the same inputs, no other witness exists at all', () => {
  it('of a sweep', () => check('sweep', inInbox([account(0, HEALTHY), account(1, PARTIAL), account(2, BELOW_TARGET)])
    .sweep(WINDOW, [{ from: 1, to: 2 }, { from: 1, to: 0 }, { from: 1, to: 2 }]).input))

  const book = [account(0, PARTIAL), account(1, DUST), account(2, BANKRUPT), account(3, HEALTHY)]
  it('of a partial liquidation and a close of dust', () => check('resolve', inDistress(book).resolve(2).input))
  it('of a close with bad debt, and a refresh', () => {
    const system = inDistress(book)
    system.resolve(2)
    return check('resolve', system.resolve(2).input)
  })
  it('of a drop, and an inactive step', () => {
    const ghost: Account = { ...book[1]!, version: 3n }
    return check('resolve', inDistress(book, { ghosts: [ghost] }).resolve(1).input)
  })

  async function check(name: 'sweep' | 'resolve', input: CircuitInput): Promise<void> {
    const circuit = await openCircuit(name, TINY)
    const witness = await accepts(circuit, input)
    const names = await circuit.wireNames()
    const isInput = new RegExp(`^main\\.(${Object.keys(input).join('|')})(\\[|$)`)
    const inputs = new Map([...names].filter(([, list]) => list.some((name) => isInput.test(name))).map(([wire]) => [wire, witness[wire]!]))
    const { values, open } = undetermined(circuit.constraints, witness.length, inputs)
    assert.deepEqual(open.map((wire) => names.get(wire)!.join(' = ')).filter((name) => !FREE.test(name)), [])
    for (const [wire, value] of values) if (wire >= 0) assert.equal(value, witness[wire])
  }
})
