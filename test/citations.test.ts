import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { headingAnchors } from './support/markdown.ts'
import { projectFiles } from './support/project-files.ts'

const SOURCES = /\.(ts|circom|sol|md|yml|html)$|^plimsoll$/
const CITATION = /\b((?:docs\/)[a-z-]+\.md)(#[^\s)\]`'",;]*[^\s)\]`'",;.:])?/g
const LINK = /\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)/g

describe('what comments and documents cite', () => {
  it('exists: every file, every heading', async () => {
    const files = new Set(await projectFiles())
    const anchors = new Map<string, ReadonlySet<string>>()
    const anchorsOf = async (path: string): Promise<ReadonlySet<string>> => {
      if (!anchors.has(path)) anchors.set(path, headingAnchors(await readFile(path, 'utf8')))
      return anchors.get(path)!
    }
    const missing: string[] = []
    let seen = 0
    for (const path of files) {
      if (!SOURCES.test(path)) continue
      const text = await readFile(path, 'utf8')
      const cited = [...text.matchAll(CITATION)].map(([, file, anchor]) => [file!, anchor] as const)
      if (path.endsWith('.md'))
        cited.push(...[...text.matchAll(LINK)].map(([, to, anchor]) => linked(path, to!, anchor)))
      for (const [file, anchor] of cited) {
        seen++
        const known = files.has(file) || [...files].some((other) => other.startsWith(`${file.replace(/\/$/, '')}/`))
        if (!known || (anchor !== undefined && !(await anchorsOf(file)).has(anchor.slice(1))))
          missing.push(`${path}: ${file}${anchor ?? ''}`)
      }
    }
    assert.deepEqual(missing, [])
    assert.ok(seen > 50)
  })

  it('is never a number, which leads astray as soon as a section is added', async () => {
    const numbered = /\(design\b|\bsections? [0-9]+ of (?:the design|issue|docs)|\bdocs\/[a-z-]+\.md\)?,? section/
    const wrong: string[] = []
    for (const path of await projectFiles())
      if (SOURCES.test(path) && path !== 'test/citations.test.ts' && numbered.test(await readFile(path, 'utf8')))
        wrong.push(path)
    assert.deepEqual(wrong, [])
  })
})

/** The file and anchor that a relative link in a Markdown file leads to. */
function linked(from: string, to: string, anchor: string | undefined): readonly [string, string | undefined] {
  if (to === '') return [from, anchor]
  return [decodeURI(new URL(to, `file:///${from}`).pathname.slice(1)), anchor]
}
