import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { projectFiles } from './support/project-files.ts'

/** A doc comment's first words that name nothing: read on hover, without the name beside it, it says nothing. */
const NAMELESS = /^(?:Of|What|Which|Where|When|How|Why|Who)\b/
const DOC = /\/\*\*\s*(?:\* ?)?([^\n]*)/g
const FUNCTION = /^ {4}function (\w+)([^;]*);/gm

describe('comments', () => {
  const texts = new Map<string, string>()

  before(async () => {
    for (const path of await projectFiles())
      if (/\.(ts|sol)$/.test(path) && path !== 'test/comments.test.ts') texts.set(path, await readFile(path, 'utf8'))
  })

  it('of declarations name their thing', () => {
    const nameless: string[] = []
    let seen = 0
    for (const [path, text] of texts)
      if (path.endsWith('.ts') && !path.startsWith('test/'))
        for (const [, words] of text.matchAll(DOC)) {
          seen++
          if (NAMELESS.test(words!)) nameless.push(`${path}: ${words}`)
        }
    assert.deepEqual(nameless, [])
    assert.ok(seen > 1000)
  })

  it('stand above every function of an interface that changes something', () => {
    const bare: string[] = []
    let seen = 0
    for (const [path, text] of texts)
      if (path.startsWith('contracts/interfaces/'))
        for (const match of text.matchAll(FUNCTION)) {
          if (/\b(?:view|pure)\b/.test(match[2]!)) continue
          seen++
          if (!/\/\/\/[^\n]*\n$/.test(text.slice(0, match.index))) bare.push(`${path}: ${match[1]}`)
        }
    assert.deepEqual(bare, [])
    assert.ok(seen > 30)
  })

  it('speak one dialect: @throws and #private', () => {
    const wrong: string[] = []
    for (const [path, text] of texts)
      if (
        path.endsWith('.ts') &&
        (/^\s*private (?!constructor)/m.test(text) || /\bThrows (?:a |an )?[A-Z]\w*(?:Error|Refusal)\b/.test(text))
      )
        wrong.push(path)
    assert.deepEqual(wrong, [])
  })
})
