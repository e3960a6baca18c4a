import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { newRound } from '../../sequencer/node/new-round.ts'
import { ProofLine } from '../../sequencer/node/proof-line.ts'

/** Proofs that are made when the test says so. */
function byHand() {
  const asked = new Map<
    number,
    { resolve: (text: string) => void; reject: (error: Error) => void; signal: AbortSignal }
  >()
  const prove = (step: number, signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      asked.set(step, { resolve, reject, signal })
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  return { asked, prove, done: (step: number) => asked.get(step)!.resolve(`proof ${step}`) }
}

function* numbers(count: number, drawn: number[] = []): Generator<number> {
  for (let i = 0; i < count; i++) {
    drawn.push(i)
    yield i
  }
}

const all = async <T>(results: AsyncIterable<T>) => {
  const list: T[] = []
  for await (const result of results) list.push(result)
  return list
}
const settle = () => sleep(20)

describe('proofs side by side', () => {
  it('are begun as many as the prover takes, made in any order, and handed on in that of the steps', async () => {
    const { asked, prove, done } = byHand()
    const line = new ProofLine(numbers(6), prove, () => 3)
    const results = all(line.results())
    await settle()
    assert.deepEqual([...asked.keys()], [0, 1, 2])
    done(2)
    done(1)
    await settle()
    assert.deepEqual([...asked.keys()], [0, 1, 2, 3, 4], 'the first keeps the others waiting, not the prover')
    for (const step of [4, 3, 0]) done(step)
    await settle()
    done(5)
    assert.deepEqual(
      await results,
      [0, 1, 2, 3, 4, 5].map((step) => [step, `proof ${step}`]),
    )
  })

  it('follow the prover when it grows, and do not run away from the first', async () => {
    const { asked, prove, done } = byHand()
    let width = 1
    const line = new ProofLine(numbers(100), prove, () => width)
    const results = line.results()
    const first = results.next()
    await settle()
    assert.equal(asked.size, 1)
    width = 4
    done(0)
    await first
    await settle()
    assert.equal(asked.size, 5)
    for (let step = 2; step < asked.size && step < 90; step++) {
      done(step)
      await settle()
    }
    assert.equal(asked.size, 1 + 4 * width, 'one that takes long holds a few times the width up')
    line.cut(() => true, new Error('enough'))
  })

  it('go on while whoever takes them is busy', async () => {
    const { asked, prove, done } = byHand()
    const results = new ProofLine(numbers(4), prove, () => 2).results()
    const first = results.next()
    await settle()
    done(0)
    await first
    done(1)
    await settle()
    // Nobody has asked for the second yet.
    assert.deepEqual([...asked.keys()], [0, 1, 2, 3])
  })

  it('are canceled from the first void one on, and what stands before it is handed on', async () => {
    const { asked, prove, done } = byHand()
    const drawn: number[] = []
    const line = new ProofLine(numbers(50, drawn), prove, () => 5)
    const results = all(line.results())
    await settle()
    const reason = new Error('a new round')
    line.cut((step) => step >= 2, reason)
    assert.deepEqual(
      [...asked.values()].map(({ signal }) => signal.aborted),
      [false, false, true, true, true],
    )
    assert.equal(asked.get(2)!.signal.reason, reason)
    done(1)
    done(0)
    assert.deepEqual(
      (await results).map(([step]) => step),
      [0, 1],
    )
    assert.equal(drawn.length, 5)
  })

  it('fail in their turn, be it the proof or the step', async () => {
    const { asked, prove, done } = byHand()
    const results = new ProofLine(numbers(3), prove, () => 3).results()
    const first = results.next()
    await settle()
    asked.get(1)!.reject(new Error('no proof'))
    done(0)
    assert.deepEqual((await first).value, [0, 'proof 0'])
    await assert.rejects(results.next(), /no proof/)
    const steps = (function* () {
      yield 0
      throw new Error('no step')
    })()
    const short = new ProofLine(
      steps,
      async (step) => step,
      () => 2,
    ).results()
    assert.deepEqual((await short.next()).value, [0, 0])
    await assert.rejects(short.next(), /no step/)
  })
})

describe('the watch for a new round', () => {
  it('tells of another number, asks again where there is no answer, and ends when it is told to', async () => {
    const answers = [7, new Error('no answer'), 7, 8]
    const latest = async () => {
      const answer = answers.shift()!
      if (answer instanceof Error) throw answer
      return answer
    }
    assert.equal(await newRound(7, latest, 1, new AbortController().signal), true)
    assert.deepEqual(answers, [])
    const stop = new AbortController()
    const waiting = newRound(7, async () => 7, 1, stop.signal)
    await settle()
    stop.abort()
    assert.equal(await waiting, false)
  })
})
