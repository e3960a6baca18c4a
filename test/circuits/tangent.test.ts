import assert from 'node:assert/strict'
import { FIELD } from '../../protocol/constants.ts'
import { openCircuit } from '../support/circuit.ts'
import type { Combination, Constraint } from '../support/circuit-constraints.ts'
import { accepts } from '../support/circuit-rejection.ts'
import { tangentDirections } from '../support/circuit-tangent.ts'
import { HONEST_CASES } from '../support/circuit-witnesses.ts'

describe('tangent space: with its inputs fixed a valid witness can move in no direction but argued hints', () => {
  for (const { what, circuit: name, input, alone, together } of HONEST_CASES)
    it(`${name} ${what}`, async () => {
      const circuit = await openCircuit(name)
      const inputs = input()
      const witness = await accepts(circuit, inputs)
      const names = await circuit.wireNames()
      const isInput = (signal: string) => Object.hasOwn(inputs, /^main\.(\w+)(\[\d+\])*$/.exec(signal)?.[1] ?? '')
      const fixed = new Set([...names].flatMap(([wire, signals]) => (signals.some(isInput) ? [wire] : [])))
      assert.ok(fixed.size > Object.keys(inputs).length)
      const argued = [...alone, ...together]
      const unexplained = tangentDirections(circuit.constraints, witness, fixed)
        .map((direction) => direction.map((wire) => names.get(wire)!.join(' = ')))
        .filter((direction) => !direction.every((signal) => argued.some(({ name }) => name.test(signal))))
      assert.deepEqual(unexplained, [])
    })

  it('would be noticed: wires that move together, though none alone', () => {
    const one: Combination = [[0, 1n]]
    const sum = (...wires: number[]): Combination => wires.map((wire) => [wire, 1n])
    const constraints: Constraint[] = [
      { a: sum(2, 3), b: one, c: sum(1) }, // x + y = the input
      { a: sum(4), b: sum(4), c: sum(1) }, // u u = the input, whose root is 3 or -3
      { a: sum(5), b: sum(6), c: [] }, // v w = 0, both 0
      { a: sum(7, 8), b: one, c: sum(4) }, // p + q = u
      {
        a: sum(7),
        b: one,
        c: [
          [8, 1n],
          [4, FIELD - 1n],
        ],
      }, // p = q - u
    ]
    const witness = [1n, 9n, 4n, 5n, 3n, 0n, 0n, 0n, 3n]
    const directions = tangentDirections(constraints, witness, new Set([1])).map((wires) =>
      [...wires].sort((a, b) => a - b),
    )
    assert.deepEqual(
      directions.sort(([a], [b]) => a! - b!),
      [[2, 3], [5], [6]],
    )
  })
})
