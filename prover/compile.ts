import { spawn } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, parse, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { PlimsollError } from '../protocol/errors.ts'

const require = createRequire(import.meta.url)
const COMPILER = require.resolve('circom2/cli.js')
const LIBRARY = join(dirname(require.resolve('circomlib/package.json')), 'circuits')

export interface CompileOptions {
  /** Base name of the outputs. */
  readonly name: string
  /** Source text of the main component. */
  readonly main: string
  /** Directory in which the main component's includes are looked for, besides circomlib. */
  readonly circuits: string
  /** An existing directory, which gets name.r1cs, name.wasm and name.sym. */
  readonly output: string
  /** Leaves out all but name.r1cs, in little more than half of the time. */
  readonly constraintsOnly?: boolean
  /** Stops the compiler. */
  readonly signal?: AbortSignal
}

/** Versions of the compiler and of circomlib: other ones may give other constraints. */
export function compilerVersions(): string {
  return ['circom2', 'circomlib']
    .map((name) => `${name} ${(require(`${name}/package.json`) as { version: string }).version}`)
    .join(', ')
}

/** Compiles a circuit with circom at --O2 in a process of its own. @throws PlimsollError with the compiler's first complaint. */
export async function compileCircuit(options: CompileOptions): Promise<void> {
  const directory = await mkdtemp(join(options.output, `${options.name}-`))
  try {
    // Not the circuit's name: a main component would include itself instead of its template.
    const source = join(directory, 'main.circom')
    await writeFile(source, options.main)
    // The WebAssembly compiler only reaches paths below its working directory: hence the root and paths relative to it.
    const { root } = parse(directory)
    const local = (path: string): string => relative(root, path)
    const { code, text } = await run(
      [
        local(source),
        '--r1cs',
        ...(options.constraintsOnly ? [] : ['--wasm', '--sym']),
        '--O2',
        '-l',
        local(options.circuits),
        '-l',
        local(LIBRARY),
        '-o',
        local(directory),
      ],
      root,
      options.signal,
    )
    if (code !== 0) {
      throw new PlimsollError(`The circuit ${options.name} does not compile.`, { hint: firstComplaint(text) })
    }
    const moves = {
      'main.r1cs': 'r1cs',
      ...(!options.constraintsOnly && { 'main.sym': 'sym', 'main_js/main.wasm': 'wasm' }),
    }
    for (const [from, extension] of Object.entries(moves)) {
      await rename(join(directory, from), join(options.output, `${options.name}.${extension}`))
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function run(args: string[], cwd: string, signal?: AbortSignal): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [COMPILER, ...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    })
    let text = ''
    child.stdout.on('data', (data: Buffer) => (text += data.toString()))
    child.stderr.on('data', (data: Buffer) => (text += data.toString()))
    // What could not start or was stopped has no code when it closes.
    child.on('error', (error) => (text += error.message))
    child.on('close', (code) => resolve({ code, text }))
  })
}

function firstComplaint(text: string): string {
  const lines = stripVTControlCharacters(text).split('\n')
  const start = Math.max(
    0,
    lines.findIndex((line) => line.includes('error')),
  )
  const end = lines.findIndex((line, i) => i > start && line.trim() === '')
  return lines.slice(start, end < 0 ? start + 8 : end).join('\n')
}
