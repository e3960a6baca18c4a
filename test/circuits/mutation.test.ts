import assert from 'node:assert/strict'
import { FIELD } from '../../protocol/constants.ts'
import { openCircuit } from '../support/circuit.ts'
import { type Constraint, violations } from '../support/circuit-constraints.ts'
import { freeWires } from '../support/circuit-mutation.ts'
import { accepts } from '../support/circuit-rejection.ts'
import { type Exception, HONEST_CASES } from '../support/circuit-witnesses.ts'

describe('mutation: no wire of a valid witness can change alone', () => {
  for (const { what, circuit: name, input, alone } of HONEST_CASES)
    it(`${name} ${what}`, async () => {
      const circuit = await openCircuit(name)
      const witness = await accepts(circuit, input())
      const names = await circuit.wireNames()
      const free = freeWires(circuit.constraints, witness).map((wire) => names.get(wire)!.join(' = '))
      const used = new Set<Exception>()
      const unexplained = free.filter((signal) => {
        const exception = alone.find(({ name }) => name.test(signal))
        if (exception !== undefined) used.add(exception)
        return exception === undefined
      })
      assert.deepEqual(unexplained, [])
      assert.deepEqual(
        alone.filter((exception) => !used.has(exception)).map(({ why }) => why),
        [],
        'exceptions that no wire needs',
      )
    })

  it('would be noticed: a wire that no constraint holds, and a bit that may be either', () => {
    const constraints: Constraint[] = [
      { a: [[1, 1n]], b: [[1, 1n]], c: [[2, 1n]] }, // x x = y
      {
        a: [[3, 1n]],
        b: [
          [3, 1n],
          [0, FIELD - 1n],
        ],
        c: [],
      }, // b (b - 1) = 0
      { a: [[4, 1n]], b: [[5, 1n]], c: [] }, // p q = 0
      {
        a: [[6, 1n]],
        b: [
          [6, 1n],
          [0, FIELD - 1n],
        ],
        c: [],
      }, // another bit
      {
        a: [
          [6, 2n],
          [1, 1n],
        ],
        b: [[0, 1n]],
        c: [[7, 1n]],
      }, // which a sum holds
    ]
    const witness = [1n, 3n, 9n, 1n, 5n, 0n, 1n, 5n, 77n]
    assert.deepEqual(violations(constraints, witness), [])
    assert.deepEqual(freeWires(constraints, witness), [3, 4, 8])
  })
})
