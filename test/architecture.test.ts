import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fences } from './support/markdown.ts'
import { projectFiles } from './support/project-files.ts'

/**
 * What each room may import beside itself: only rooms above it. The longest name that a path begins with is its room. Tests
 * may import whatever they like, and nothing but tests imports `test`, `bench` or `cli`.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  lib: ['protocol'],
  prover: ['protocol', 'lib'],
  fleet: ['protocol', 'lib', 'prover'],
  sdk: ['protocol'],
  risk: ['protocol'],
  chain: ['protocol', 'lib', 'prover', 'sdk'],
  'sequencer/planner': ['protocol'],
  'sequencer/state': ['protocol', 'lib', 'prover', 'sdk', 'chain'],
  'sequencer/mempool': ['protocol', 'lib', 'prover', 'sdk', 'chain', 'sequencer/state'],
  'sequencer/node': ['protocol', 'lib', 'prover', 'sdk', 'chain', 'sequencer'],
  'sequencer/api': ['protocol', 'lib', 'sdk', 'chain', 'sequencer'],
  audit: ['protocol', 'lib', 'prover', 'sdk', 'chain'],
  book: ['protocol', 'lib', 'prover', 'sdk', 'chain', 'sequencer/planner', 'audit'],
  deploy: ['protocol', 'lib', 'prover', 'sdk', 'chain', 'sequencer/state', 'book'],
  web: ['protocol', 'sdk', 'risk'],
  'cli/wallet': ['protocol', 'lib', 'prover', 'sdk', 'chain', 'cli'],
  cli: [
    'cli/wallet',
    'protocol',
    'lib',
    'prover',
    'fleet',
    'sdk',
    'risk',
    'chain',
    'sequencer',
    'audit',
    'book',
    'deploy',
  ],
  bench: ['protocol', 'lib', 'prover', 'fleet', 'sdk', 'risk', 'chain', 'sequencer', 'audit', 'book', 'deploy'],
}

/** Packages of Node's and of npm that a room may use; rooms that run in a browser are held to a few. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  protocol: /^(viem|viem\/.+|@noble\/curves\/.+|poseidon-lite(\/.+)?|zod)$/,
  sdk: /^(viem|viem\/.+|@noble\/curves\/.+|zod)$/,
  web: /^(preact|preact\/hooks|viem|uplot|uplot\/dist\/uPlot\.min\.css|lightweight-charts|uqr|snarkjs|ffjavascript|vite)$/,
}

const MAX_LINES = 420
const GENERATED = /^(sdk\/abi\/|chain\/code-digests\.ts$)/
const SOURCE = /\.(ts|tsx|mts|sol|circom)$/
const SPECIFIER =
  /\b(?:import|export)\s+(type\s+)?(?:[^'";]*?\bfrom\s*)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|\brequire\(\s*'([^']+)'\s*\)/g

interface Import {
  readonly from: string
  readonly to: string
  /** Gone when the code runs. */
  readonly typeOnly: boolean
}

describe('architecture', () => {
  const sources = new Map<string, string>()
  const imports: Import[] = []
  const files = new Set<string>()

  before(async () => {
    for (const path of await projectFiles()) files.add(path)
    for (const path of files) if (SOURCE.test(path)) sources.set(path, await readFile(path, 'utf8'))
    for (const [from, text] of sources)
      if (/\.(?:m?ts|tsx)$/.test(from))
        for (const match of withoutComments(text).matchAll(SPECIFIER)) {
          const to = match[2] ?? match[3] ?? match[4]!
          imports.push({ from, to: to.startsWith('.') ? join(dirname(from), to) : to, typeOnly: isType(match) })
        }
  })

  it('has a rule for every folder of code', () => {
    const rooms = [...sources.keys()].filter((path) => /\.tsx?$/.test(path) && path.includes('/'))
    assert.deepEqual([...new Set(rooms.filter((path) => roomOf(path) === undefined && !path.startsWith('test/')))], [])
    assert.ok(imports.length > 1000, 'imports were read')
  })

  it('has a README in every room, and a picture of the rooms that tells nothing else than the table', async () => {
    const folders = [
      ...new Set([...sources.keys()].filter((path) => path.includes('/')).map((path) => path.split('/')[0]!)),
    ]
    const missing = folders.filter((folder) => !files.has(`${folder}/README.md`))
    assert.deepEqual(missing, [])
    const picture = fences(await readFile('README.md', 'utf8')).find(({ info }) => info === 'mermaid')!
    const drawn = picture.lines.flatMap((line) => {
      const arrow = /^ *(\w+)(?:\[.*\])? --> (\w+)$/.exec(line)
      return arrow === null ? [] : [[arrow[1]!, arrow[2]!] as const]
    })
    assert.ok(drawn.length > 10)
    for (const [from, to] of drawn) {
      const rooms = Object.keys(ARROWS).filter((room) => room === from || room.startsWith(`${from}/`))
      const allowed = rooms.flatMap((room) => ARROWS[room]!)
      assert.ok(
        allowed.some((room) => room === to || room.startsWith(`${to}/`)),
        `${from} -> ${to}`,
      )
    }
  })

  it('has only arrows that the table allows', () => {
    const wrong = imports
      .filter(({ from, to }) => !from.startsWith('test/') && sources.has(to) && to.includes('/'))
      .filter(({ from, to }) => {
        const [room, target] = [roomOf(from)!, roomOf(to)]
        if (target === undefined) return true
        return (
          room !== target && !ARROWS[room]!.some((allowed) => target === allowed || target.startsWith(`${allowed}/`))
        )
      })
      .map(({ from, to }) => `${from} -> ${to}`)
    assert.deepEqual(wrong, [])
  })

  it('keeps rooms that run in a browser free of Node and of all packages but a few', () => {
    const wrong = imports
      .filter(({ from, to }) => !sources.has(to) && PACKAGES[roomOf(from) ?? '']?.test(to) === false)
      .map(({ from, to }) => `${from} -> ${to}`)
    assert.deepEqual(wrong, [])
  })

  it('has no circle at run time', () => {
    const next = new Map<string, string[]>()
    for (const { from, to, typeOnly } of imports)
      if (!typeOnly && sources.has(to)) next.set(from, [...(next.get(from) ?? []), to])
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (path: string, trail: readonly string[]): void => {
      const at = trail.indexOf(path)
      if (at >= 0) circles.push([...trail.slice(at), path].join(' -> '))
      if (at >= 0 || done.has(path)) return
      for (const to of next.get(path) ?? []) visit(to, [...trail, path])
      done.add(path)
    }
    for (const path of sources.keys()) visit(path, [])
    assert.deepEqual(circles, [])
  })

  it(`has no file of more than ${MAX_LINES} lines, tests and what is generated apart`, () => {
    const long = [...sources]
      .filter(([path]) => !path.startsWith('test/') && !path.startsWith('contracts/test/') && !GENERATED.test(path))
      .map(([path, text]) => [path, text.trimEnd().split('\n').length] as const)
      .filter(([, lines]) => lines > MAX_LINES)
    assert.deepEqual(long, [])
  })

  it('reads imports as they are', () => {
    const read = (text: string) =>
      [...withoutComments(text).matchAll(SPECIFIER)].map((match) => [match[2] ?? match[3] ?? match[4], isType(match)])
    assert.deepEqual(read("import a, { b } from './x.ts'\nexport * from './y.ts'\nimport './z.ts'"), [
      ['./x.ts', false],
      ['./y.ts', false],
      ['./z.ts', false],
    ])
    assert.deepEqual(read("import type { A } from './x.ts'\nimport { type B, type C } from './y.ts'"), [
      ['./x.ts', true],
      ['./y.ts', true],
    ])
    assert.deepEqual(read("import {\n  type B,\n  c,\n} from './y.ts'\nconst d = await import('./d.ts')"), [
      ['./y.ts', false],
      ['./d.ts', false],
    ])
    assert.deepEqual(read("// import './a.ts'\n/* import './b.ts' */\n/** import './c.ts' */"), [])
  })
})

function roomOf(path: string): string | undefined {
  const parts = path.split('/')
  return [parts.slice(0, 2).join('/'), parts[0]!].find((name) => name in ARROWS)
}

/** An import whose names are all types leaves nothing to run. */
function isType(match: RegExpMatchArray): boolean {
  if (match[1] !== undefined) return true
  const names = /^(?:import|export)\s*\{([^}]*)\}/.exec(match[0])?.[1]
  return names?.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type ')) ?? false
}

/** Source text with its comments blanked; strings are left alone. */
function withoutComments(text: string): string {
  return text.replace(
    /('(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, string?: string) => string ?? '',
  )
}
