import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

/** A file and what is defined in it, as the document cites them: `protocol/system.ts` `System.sweep`. */
const CITED = /`([\w./-]+\.(?:ts|sol|circom))`\s+`([\w.]+)`/g

/** A definition of a name, by the kind of file. */
const DEFINITION: Readonly<Record<string, (name: string) => RegExp>> = {
  ts: (name) =>
    new RegExp(
      `^(?:export )?(?:async )?function\\*? ${name}\\b|^(?:export )?(?:abstract )?class ${name}\\b|^ {2}(?:static |async |get )*\\*?${name}(?:<[^(]*>)?\\(`,
      'm',
    ),
  sol: (name) => new RegExp(`^ {4}function ${name}\\(`, 'm'),
  circom: (name) => new RegExp(`^template ${name}\\(`, 'm'),
}

describe('docs/architecture.md', () => {
  it('walks through functions that there are', async () => {
    const cited = [...(await readFile('docs/architecture.md', 'utf8')).matchAll(CITED)]
    const missing: string[] = []
    for (const [, path, name] of cited) {
      const text = await readFile(path!, 'utf8').catch(() => '')
      const define = DEFINITION[path!.slice(path!.lastIndexOf('.') + 1)]!
      if (!name!.split('.').every((part) => define(part).test(text))) missing.push(`${path} ${name}`)
    }
    assert.deepEqual(missing, [])
    assert.ok(cited.length > 60)
  })
})
