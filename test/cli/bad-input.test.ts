import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LISTED_BAD_BOOKS } from '../support/books.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'

describe('bad input on the command line', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  after(() => rm(directory, { recursive: true }))

  /** One line on standard error, nothing else, exit 2. */
  async function refused(args: readonly string[], complaint: RegExp): Promise<void> {
    const { code, stdout, stderr } = await runCli(args, { cwd: directory })
    assert.match(complaintOf(args, stderr), complaint)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
  }

  for (const { what, text, complaint } of LISTED_BAD_BOOKS) {
    it(`assess refuses a book with ${what}`, async () => {
      await writeFile(join(directory, 'book.json'), text)
      await refused(['assess', 'book.json', '--json'], new RegExp(`^plimsoll: book\\.json: .*${complaint.source}`))
    })
  }

  it('prove refuses a bad book and writes nothing', async () => {
    await writeFile(join(directory, 'book.json'), LISTED_BAD_BOOKS[1]!.text)
    await refused(['prove', 'book.json', '--out', 'out', '--profile', 'tiny'], LISTED_BAD_BOOKS[1]!.complaint)
    assert.deepEqual(await readdir(directory), ['book.json'])
  })

  it('a file that is not there, not a file, or not a text', async () => {
    await writeFile(join(directory, 'book.json'), Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))
    await refused(['assess', 'nowhere.json'], /nowhere\.json: there is no such file/)
    await refused(['assess', '.'], /Cannot read \.: it is a directory/)
    await refused(['assess', 'book.json'], /book\.json: not a text in UTF-8/)
  })

  it('a name with a line break still makes one line', () => refused(['assess', 'a\nb.json'], /a b\.json/))

  it('no command, an unknown command, option or profile, a missing or surplus argument', async () => {
    await refused([], /No command is given/)
    await refused(['asess'], /unknown command 'asess' \(Did you mean assess\?\)/)
    await refused(['assess', 'book.json', '--jsn'], /unknown option '--jsn'/)
    await refused(['assess'], /missing required argument 'book'/)
    await refused(['assess', 'book.json', 'more.json'], /too many arguments/)
    await refused(['setup', '--profile', 'huge'], /'huge' is invalid.*tiny, small, large/)
  })
})
