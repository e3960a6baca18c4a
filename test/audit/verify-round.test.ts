import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyRound } from '../../audit/verify-round.ts'
import { proveBook } from '../../book/prove-book.ts'
import { parseBook } from '../../protocol/book.ts'
import { FIELD } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { libraryPoseidon } from '../../protocol/poseidon.ts'
import { ensureKeys, type KeySet } from '../../prover/keys.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { goodBook } from '../support/books.ts'
import { proofs } from '../support/proofs.ts'

type Files = Map<string, any>

const W = PROFILES.tiny.sweeps[0].window
const name = (i: number) => `batch-${String(i).padStart(3, '0')}.json`

/** Where each kind of element begins in D. */
const SWEEP_POSITIONS = {
  headsBefore: 0,
  headsAfter: W,
  free: 2 * W,
  floors: 3 * W + 14,
  ceilings: 10 * W + 14,
}
const RESOLVE_POSITIONS = {
  active: 0,
  rootBefore: 1,
  rootAfter: 2,
  distressBefore: 3,
  distressAfter: 4,
  inboxBefore: 5,
  inboxAfter: 6,
  minLiability: 7,
  price: 8,
  u: 9,
  kBuy: 16,
  'a mark of an unused asset': 70,
  backstopDelta: 72,
  badDebt: 79,
  index: 80,
  leaf: 81,
  cipher: 84,
}

/** Three assets; one account is liquidated in part, one closed, three stay: sweeps, a resolve of two steps, sweeps. */
function book() {
  const loose = goodBook()
  const balances: Record<string, string>[] = [
    { ETH: '10', USD: '-1700' },
    { BTC: '-0.5', USD: '9000' },
    { ETH: '3', USD: '-900' },
    { USD: '125.5' },
    { ETH: '-4', BTC: '1' },
  ]
  loose.accounts = balances.map((entry, i) => ({ id: `a${i}`, balances: entry }))
  return parseBook(JSON.stringify(loose))
}

describe('verifying a proven book', () => {
  let keys: KeySet
  let parent: string
  let honest: Files
  /** Numbers of the first sweep that leaves accounts in a slot with an envelope, of a resolve, and of the batches. */
  let sweep: number
  let resolve: number
  let count: number

  before(async () => {
    keys = await ensureKeys('tiny')
    parent = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    const directory = join(parent, 'honest')
    // One key, so that windows are always filled with the same slots.
    const summary = await proveBook(book(), keys, proofs, directory, () => {}, new Uint8Array(32).fill(5))
    count = summary.batches
    honest = new Map()
    for (const file of ['round.json', 'summary.json', ...Array.from({ length: count }, (_, i) => name(i))]) {
      honest.set(file, JSON.parse(await readFile(join(directory, file), 'utf8')))
    }
    const batches = Array.from({ length: count }, (_, i) => honest.get(name(i)))
    sweep = batches.findIndex((batch) => batch.circuit === 'sweep' && batch.window.length === W && filled(batch) >= 0)
    resolve = batches.findIndex(({ circuit }) => circuit === 'resolve')
    assert.ok(
      summary.totals.partial === 1 && summary.totals.closed === 1 && sweep >= 0 && resolve > 0 && count - resolve > 1,
    )
  })
  after(async () => {
    await rm(parent, { recursive: true })
    await proofs.close()
  })

  async function verify(files: ReadonlyMap<string, any>) {
    const directory = await mkdtemp(join(parent, 'd'))
    for (const [file, content] of files)
      await writeFile(join(directory, file), typeof content === 'string' ? content : JSON.stringify(content))
    try {
      // Other profiles have their own sizes, under keys that need not exist here.
      return await verifyRound(directory, async (profile) => ({ ...keys, profile: PROFILES[profile] }))
    } finally {
      await rm(directory, { recursive: true })
    }
  }

  async function refused(
    change: (files: Files) => void,
    batch: string | null | undefined,
    complaint = /./,
  ): Promise<void> {
    const files = structuredClone(honest)
    change(files)
    const verdict = await verify(files)
    assert.ok(!verdict.ok, 'it was accepted')
    if (batch !== undefined) assert.equal(verdict.batch, batch)
    assert.match(verdict.error, complaint)
  }

  /** Place in a sweep's window of a slot with an envelope that is not empty after it; -1 where there is none. */
  const filled = ({ window, D }: { window: number[]; D: string[] }) =>
    window.findIndex((slot, w) => slot > 1 && D[window.length + w] !== '0')

  const plusOne = (element: string) => ((BigInt(element) + 1n) % FIELD).toString()

  it('accepts the honest one', async () => {
    const verdict = await verify(honest)
    const sweeps = [...honest.values()].filter(({ circuit }) => circuit === 'sweep').length
    assert.deepEqual(
      verdict.ok && [verdict.accounts, verdict.batches, verdict.sweeps, verdict.resolved, verdict.complete],
      [5, count, sweeps, 2, true],
    )
  })

  describe('refuses an element of D that is one more', () => {
    for (const [what, position] of Object.entries(SWEEP_POSITIONS)) {
      it(`in a sweep: ${what}`, () =>
        refused((files) => {
          const { D } = files.get(name(sweep))
          D[position] = plusOne(D[position])
        }, name(sweep)))
    }
    for (const [what, position] of Object.entries(RESOLVE_POSITIONS)) {
      it(`in a resolve: ${what}`, () =>
        refused((files) => {
          const { D } = files.get(name(resolve))
          D[position] = plusOne(D[position])
        }, name(resolve)))
    }
    it('anywhere else in a resolve', async () => {
      const { length } = honest.get(name(resolve)).D
      for (let position = 0; position < length; position += 5) {
        await refused((files) => {
          const { D } = files.get(name(resolve))
          D[position] = plusOne(D[position])
        }, name(resolve))
      }
    })
  })

  it('refuses a D that is too short, too long, has an alias of an element, or another notation', async () => {
    for (const i of [sweep, resolve]) {
      await refused((files) => files.get(name(i)).D.pop(), name(i))
      await refused((files) => files.get(name(i)).D.push('0'), name(i))
      await refused((files) => files.get(name(i)).D.splice(5, 1), name(i))
      for (const position of [1, 4, 5]) {
        await refused((files) => {
          const { D } = files.get(name(i))
          D[position] = (BigInt(D[position]) + FIELD).toString()
        }, name(i))
      }
      for (const element of [0, null, '-1', '0x1', '1e3', '', ' 1', '01', '9'.repeat(78)]) {
        await refused((files) => (files.get(name(i)).D[4] = element), name(i))
      }
      for (const field of ['D', 'signals', 'proof', 'envelopes', 'window', 'circuit', 'verificationKeyHash']) {
        await refused((files) => delete files.get(name(i))[field], name(i))
        await refused((files) => (files.get(name(i))[field] = {}), name(i))
        await refused((files) => (files.get(name(i))[field] = null), name(i))
      }
    }
  })

  it('refuses other signals', async () => {
    for (const i of [sweep, resolve]) {
      for (const signal of [0, 1, 2]) {
        await refused(
          (files) => (files.get(name(i)).signals[signal] = plusOne(files.get(name(i)).signals[signal])),
          name(i),
          /signals are not those of D/,
        )
      }
      await refused((files) => files.get(name(i)).signals.pop(), name(i), /signals are not those of D/)
      await refused((files) => files.get(name(i)).signals.push('0'), name(i), /signals are not those of D/)
    }
  })

  it('refuses a proof with any word changed, exchanged points or words beyond the field', async () => {
    const invalid = /The proof is not valid/
    const proof = (files: Files) => files.get(name(sweep)).proof
    for (const at of [0, 1]) {
      await refused((files) => (proof(files).pi_a[at] = plusOne(proof(files).pi_a[at])), name(sweep), invalid)
      await refused((files) => (proof(files).pi_c[at] = plusOne(proof(files).pi_c[at])), name(sweep), invalid)
      for (const half of [0, 1])
        await refused(
          (files) => (proof(files).pi_b[at][half] = plusOne(proof(files).pi_b[at][half])),
          name(sweep),
          invalid,
        )
    }
    await refused(
      (files) => ([proof(files).pi_a, proof(files).pi_c] = [proof(files).pi_c, proof(files).pi_a]),
      name(sweep),
      invalid,
    )
    await refused((files) => proof(files).pi_b[0].reverse(), name(sweep), invalid)
    const order = 21888242871839275222246405745257275088696311157297823662689037894645226208583n
    await refused(
      (files) => (proof(files).pi_a[0] = (BigInt(proof(files).pi_a[0]) + order).toString()),
      name(sweep),
      invalid,
    )
    await refused((files) => (files.get(name(sweep)).proof = 'proof'), name(sweep), invalid)
  })

  it('refuses the proof of another batch, of either circuit', async () => {
    const other = [...honest.keys()].find((file) => file !== name(sweep) && honest.get(file).circuit === 'sweep')!
    await refused(
      (files) => (files.get(name(sweep)).proof = files.get(other).proof),
      name(sweep),
      /The proof is not valid/,
    )
    await refused(
      (files) => (files.get(name(resolve)).proof = files.get(name(sweep)).proof),
      name(resolve),
      /The proof is not valid/,
    )
    await refused(
      (files) =>
        Object.assign(files.get(name(sweep)), { signals: files.get(other).signals, proof: files.get(other).proof }),
      name(sweep),
    )
    await refused((files) => (files.get(name(resolve)).circuit = 'sweep'), name(resolve))
  })

  it('refuses another verification key', async () => {
    await refused(
      (files) => (files.get(name(resolve)).verificationKeyHash = files.get(name(sweep)).verificationKeyHash),
      name(resolve),
      /another key/,
    )
    await refused((files) => (files.get(name(0)).verificationKeyHash = `0x${'1'.repeat(64)}`), name(0), /another key/)
  })

  it('refuses batches that are exchanged, left out, doubled or foreign', async () => {
    await refused(
      (files) => {
        const moved = files.get(name(resolve))
        files.set(name(resolve), files.get(name(resolve - 1)))
        files.set(name(resolve - 1), moved)
      },
      name(resolve - 1),
    )
    await refused((files) => {
      for (let i = resolve; i < count - 1; i++) files.set(name(i), files.get(name(i + 1)))
      files.delete(name(count - 1))
    }, name(resolve))
    await refused((files) => files.set(name(count), files.get(name(count - 1))), name(count))
    await refused(
      (files) => {
        for (let i = count; i > resolve; i--) files.set(name(i), files.get(name(i - 1)))
      },
      name(resolve + 1),
    )
    await refused((files) => files.delete(name(resolve)), null, new RegExp(`${name(resolve)} is missing`))
    await refused((files) => files.set('notes.txt', ''), null, /notes\.txt does not belong/)
    await refused((files) => files.set('batch-0000.json', files.get(name(0))), null)
  })

  it('refuses a round that is not complete at its end', async () => {
    await refused(
      (files) => files.delete(name(count - 1)),
      null,
      /not complete at the end: slot 1 still holds accounts/,
    )
    await refused(
      (files) => {
        for (let i = resolve; i < count; i++) files.delete(name(i))
      },
      null,
      /not complete at the end: slot 0 still holds accounts/,
    )
    await refused(
      (files) => {
        for (let i = 0; i < count; i++) files.delete(name(i))
      },
      null,
      /not complete at the end: slot 1/,
    )
  })

  describe('refuses an edited round.json:', () => {
    const round = (change: (round: any) => void) => (files: Files) => change(files.get('round.json'))
    for (const [field, value] of Object.entries({
      price: '194.62',
      collateralFactor: '0.8501',
      liabilityFactor: '1.1499',
      targetCollateralFactor: '0.7999',
      targetLiabilityFactor: '1.2001',
      penalty: '0.0201',
      depth: '250001',
      decimals: 7,
    })) {
      it(field, () =>
        refused(
          round(({ assets }) => (assets[1][field] = value)),
          name(resolve),
          /D differs from the state before the batch or the round's marks/,
        ),
      )
    }
    it('minLiability', () =>
      refused(
        round((r) => (r.minLiability = '50.000001')),
        name(resolve),
        /at element 7\b/,
      ))
    it('the decimals of cash', () =>
      refused(
        round(({ assets }) => (assets[0].decimals = 7)),
        name(resolve),
      ))
    it('an asset more, fewer, or two exchanged', async () => {
      await refused(
        round(({ assets }) => assets.push({ ...assets[1], symbol: 'XRP' })),
        name(resolve),
      )
      await refused(
        round(({ assets }) => assets.pop()),
        name(resolve),
      )
      await refused(
        round(({ assets }) => ([assets[1], assets[2]] = [assets[2], assets[1]])),
        name(resolve),
      )
    })
    it('a leaf, the order of leaves, a leaf more or fewer', async () => {
      const inbox = honest.get(name(0)).window.indexOf(1)
      for (const i of [0, 4])
        await refused(
          round(({ leaves }) => (leaves[i] = plusOne(leaves[i]))),
          name(0),
          new RegExp(`at element ${SWEEP_POSITIONS.headsBefore + inbox}\\b`),
        )
      await refused(
        round(({ leaves }) => leaves.reverse()),
        name(0),
      )
      await refused(
        round(({ leaves }) => ([leaves[3], leaves[4]] = [leaves[4], leaves[3]])),
        name(0),
      )
      await refused(
        round(({ leaves }) => leaves.push('0')),
        name(0),
      )
      await refused(
        round(({ leaves }) => leaves.pop()),
        name(0),
      )
      await refused(
        round(({ leaves }) => leaves.push(...Array(60).fill('1'))),
        'round.json',
        /do not fit/,
      )
    })
    it('an alias of a leaf, which has the same root and head', async () => {
      const { leaves } = honest.get('round.json')
      const alias = (BigInt(leaves[2]) + FIELD).toString()
      assert.equal(libraryPoseidon([0n, BigInt(alias)]), libraryPoseidon([0n, BigInt(leaves[2])]))
      await refused(
        round((r) => (r.leaves[2] = alias)),
        'round.json',
        /leaf 2 is not below r/,
      )
    })
    it('profile, slots and format', async () => {
      await refused(
        round((r) => (r.profile = 'small')),
        undefined,
      )
      await refused(
        round((r) => (r.profile = 'toString')),
        'round.json',
        /the profile is unknown/,
      )
      for (const slots of [2, 3, 31, 33, 64, '32', null])
        await refused(
          round((r) => (r.slots = slots)),
          'round.json',
          /slots is not 32/,
        )
      await refused(
        round((r) => (r.format = 1)),
        'round.json',
        /format is not 3/,
      )
    })
    it('what is no market', async () => {
      await refused(
        round((r) => delete r.leaves),
        'round.json',
        /leaves is missing/,
      )
      await refused(
        round((r) => (r.assets = [])),
        'round.json',
      )
      await refused(
        round(({ assets }) => (assets[1].price = '0')),
        'round.json',
        /price is not above 0/,
      )
    })
  })

  it('refuses an edited summary', async () => {
    const summary = (change: (summary: any) => void) =>
      refused((files) => change(files.get('summary.json')), 'summary.json')
    await summary((s) => s.batches++)
    await summary((s) => s.accounts++)
    await summary((s) => (s.profile = 'small'))
    await summary((s) => (s.totals.badDebt = '0.000001'))
    await summary((s) => delete s.totals)
  })

  it('refuses envelopes with another bound, reopened over accounts, or opened where none can be', async () => {
    const used = honest.get(name(sweep)).window[filled(honest.get(name(sweep)))]
    const opener = Array.from({ length: count }, (_, i) => i).find((i) =>
      honest.get(name(i)).envelopes.some(({ slot }: { slot: number }) => slot === used),
    )!
    const user = Array.from({ length: count }, (_, i) => i).find((i) => honest.get(name(i)).window.includes(used))!
    const envelope = (files: Files) =>
      files.get(name(opener)).envelopes.find(({ slot }: { slot: number }) => slot === used)
    const down = (bound: string) => (BigInt(bound) - 1n).toString()
    await refused((files) => (envelope(files).floors[0] = plusOne(envelope(files).floors[0])), name(user), /D differs/)
    await refused((files) => (envelope(files).ceilings[6] = down(envelope(files).ceilings[6])), name(user), /D differs/)
    await refused((files) => (envelope(files).ceilings[0] = (1n << 64n).toString()), name(opener), /below 2\^64/)
    await refused((files) => envelope(files).floors.pop(), name(opener), /floors and ceilings/)
    const others = ({ slot }: { slot: number }) => slot !== used
    await refused(
      (files) => (files.get(name(opener)).envelopes = files.get(name(opener)).envelopes.filter(others)),
      name(user),
      /never opened/,
    )
    // The same envelope once more, after accounts have come into it.
    await refused(
      (files) => files.get(name(resolve)).envelopes.push(envelope(files)),
      name(resolve),
      /is not empty: its envelope cannot change/,
    )
    for (const slot of [0, 1, 32, 255])
      await refused((files) => (envelope(files).slot = slot), name(opener), /cannot have an envelope/)
    for (const slot of [-1, 2.5, '2', null])
      await refused((files) => (envelope(files).slot = slot), name(opener), /not a whole number/)
  })

  it('refuses another rung than that which proved a sweep, and one that does not exist', async () => {
    const { rung } = honest.get(name(sweep))
    const put = (file: number, value: unknown) => (files: Files) => (files.get(name(file)).rung = value)
    // The first two have the same window.
    await refused(put(sweep, 1 - rung), name(sweep), /proven under another key than this installation's sweep2? key/)
    for (const other of [3, 4]) await refused(put(sweep, other), name(sweep), /no sweep circuit/)
    for (const bad of [-1, 0.5, '0', null, undefined])
      await refused(put(sweep, bad), name(sweep), /rung is not a whole number/)
    await refused(put(resolve, 0), name(resolve), /A resolve has no rung/)
  })

  it('refuses another window', async () => {
    const window = (change: (window: number[]) => void) =>
      refused((files) => change(files.get(name(sweep)).window), name(sweep))
    await window((slots) => slots.reverse())
    await window((slots) => slots.pop())
    await window((slots) => slots.push(31))
    await window((slots) => (slots[2] = slots[1]!))
    await window((slots) => (slots[2] = 31))
    await window((slots) => (slots[2] = 32))
    await refused((files) => files.get(name(resolve)).window.push(0), name(resolve), /A resolve has no window/)
  })

  it('refuses files that are missing, truncated or no JSON', async () => {
    await refused((files) => files.delete('round.json'), 'round.json', /round\.json is missing/)
    await refused((files) => files.delete('summary.json'), 'summary.json', /summary\.json is missing/)
    for (const file of ['round.json', name(resolve), 'summary.json']) {
      await refused(
        (files) => files.set(file, JSON.stringify(files.get(file)).slice(0, -2)),
        file,
        /^Invalid JSON.* at line 1, column \d+\.$/,
      )
      await refused((files) => files.set(file, ''), file, /^Invalid JSON/)
      await refused((files) => files.set(file, '[]'), file, /not a JSON object/)
    }
    await refused(
      (files) => files.set(name(0), JSON.stringify(files.get(name(0))).replace('"D":', '"D":[],"D":')),
      name(0),
      /"D" is there twice/,
    )
  })

  it('is impossible without a directory or sound keys, and says so instead of judging', async () => {
    await assert.rejects(
      verifyRound(join(parent, 'nowhere'), async () => keys),
      { name: 'PlimsollError', message: /is not a directory/ },
    )
    const damaged = new PlimsollError('The key file x has 1 bytes instead of 2.', { hint: 'Delete it.' })
    const directory = join(parent, 'honest')
    await assert.rejects(
      verifyRound(directory, () => Promise.reject(damaged)),
      { message: damaged.message, hint: damaged.hint },
    )
  })

  it('does not depend on where the directory is', async () => {
    await cp(join(parent, 'honest'), join(parent, 'elsewhere', 'copy'), { recursive: true })
    const verdict = await verifyRound(join(parent, 'elsewhere', 'copy'), async () => keys)
    assert.ok(verdict.ok)
  })
})
