import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import type { Circuit } from './circuit.ts'
import { violations } from './circuit-constraints.ts'

/** The circuit takes the input, and the witness satisfies every constraint. */
export async function accepts(circuit: Circuit, input: CircuitInput): Promise<bigint[]> {
  const outcome = await circuit.run(input)
  assert.ok('witness' in outcome, `refused: ${'message' in outcome && outcome.message}`)
  const witness = outcome.witness()
  assert.deepEqual(violations(circuit.constraints, witness), [])
  return witness
}

/** The circuit refuses the input, and at just this statement of this template: not at another one, by accident. */
export async function rejects(
  circuit: Circuit,
  input: CircuitInput,
  template: string,
  statement: string,
): Promise<void> {
  const outcome = await circuit.run(input)
  assert.ok('message' in outcome, `accepted, not refused at ${template}: ${statement}`)
  const places = [...outcome.message.matchAll(/Error in template (\w+?)_\d+ line: (\d+)/g)].map(([, name, line]) =>
    sourceLine(name!, Number(line)),
  )
  assert.ok(
    places.includes(`${template}: ${statement}`),
    `refused elsewhere than at\n  ${template}: ${statement}\nnamely at\n  ${places.join('\n  ')}`,
  )
}

const CIRCUITS = new URL('../../circuits/', import.meta.url)
const sources = new Map<string, string[]>()
for (const name of readdirSync(CIRCUITS, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.circom'),
)) {
  const text = readFileSync(fileURLToPath(new URL(name, CIRCUITS)), 'utf8')
  for (const [, template] of text.matchAll(/^template (\w+)/gm)) sources.set(template!, text.split('\n'))
}

function sourceLine(template: string, line: number): string {
  const text = sources.get(template)?.[line - 1] ?? `line ${line}`
  return `${template}: ${text
    .replace(/\/\/.*/, '')
    .trim()
    .replace(/;$/, '')}`
}
