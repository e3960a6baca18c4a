import assert from 'node:assert/strict'
import { Random } from '../../risk/random.ts'

const N = 60_000

function moments(draw: () => number, count = N) {
  let [sum, square, fourth] = [0, 0, 0]
  const values = Float64Array.from({ length: count }, draw)
  for (const x of values) sum += x
  const mean = sum / count
  for (const x of values) {
    square += (x - mean) ** 2
    fourth += (x - mean) ** 4
  }
  const variance = square / count
  return { mean, variance, kurtosis: fourth / count / variance ** 2 }
}

/** Asserts that `value` is within `errors` standard errors `of` what is expected. */
function near(value: number, expected: number, error: number, what: string) {
  assert.ok(Math.abs(value - expected) < 4 * error, `${what}: ${value}, expected ${expected} within ${4 * error}`)
}

describe('seeded random numbers', () => {
  it('are the same for the same seed and stream, and others for others', () => {
    const draw = (...keys: [number, ...number[]]) => {
      const random = new Random(...keys)
      return Array.from({ length: 4 }, () => random.bits())
    }
    assert.deepEqual(draw(1, 7), draw(1, 7))
    const seen = new Set(
      [[1, 7], [7, 1], [1, 8], [2, 7], [1], [1, 0], [1, 7, 0], [1 + 2 ** 40, 7], [1, 7 + 2 ** 32]].map((keys) =>
        draw(...(keys as [number])).join(),
      ),
    )
    assert.equal(seen.size, 9)
  })

  it('are uniform, also between neighboring streams', () => {
    for (const source of [
      () => {
        const r = new Random(3)
        return () => r.uniform()
      },
      () => {
        let path = 0
        return () => new Random(3, path++).uniform()
      },
    ]) {
      const draw = source()
      const counts = new Float64Array(100)
      for (let i = 0; i < 50_000; i++) counts[Math.floor(draw() * 100)]!++
      const chi2 = counts.reduce((sum, n) => sum + (n - 500) ** 2 / 500, 0)
      // 99 degrees of freedom: mean 99, deviation 14.
      assert.ok(chi2 > 50 && chi2 < 160, String(chi2))
    }
  })

  it('have the moments of their distributions', () => {
    const random = new Random(11)
    const normal = moments(() => random.normal())
    near(normal.mean, 0, 1 / Math.sqrt(N), 'normal mean')
    near(normal.variance, 1, Math.sqrt(2 / N), 'normal variance')
    near(normal.kurtosis, 3, Math.sqrt(24 / N), 'normal kurtosis')
    const exponential = moments(() => random.exponential(4))
    near(exponential.mean, 0.25, 0.25 / Math.sqrt(N), 'exponential mean')
    near(exponential.variance, 1 / 16, Math.sqrt(8 / N) / 16, 'exponential variance')
    // Variance f / (f - 2), kurtosis 3 + 6 / (f - 4).
    const student = moments(() => random.student(12))
    near(student.variance, 1.2, 1.2 * Math.sqrt(2.75 / N), 'student variance')
    near(student.kurtosis, 3.75, 0.15, 'student kurtosis')
    for (const shape of [0.4, 1, 7.5]) {
      const gamma = moments(() => random.gamma(shape))
      near(gamma.mean, shape, Math.sqrt(shape / N), `gamma(${shape}) mean`)
      near(gamma.variance, shape, shape * Math.sqrt((2 + 6 / shape) / N), `gamma(${shape}) variance`)
    }
    for (const mean of [0.02, 3, 9.99, 10, 47.5, 1000]) {
      const poisson = moments(() => random.poisson(mean))
      near(poisson.mean, mean, Math.sqrt(mean / N), `poisson(${mean}) mean`)
      near(poisson.variance, mean, mean * Math.sqrt((2 + 1 / mean) / N), `poisson(${mean}) variance`)
    }
  })

  it('have the probabilities of Poisson where numbers are rejected', () => {
    const random = new Random(5)
    const mean = 12
    const counts = new Map<number, number>()
    for (let i = 0; i < N; i++) {
      const k = random.poisson(mean)
      counts.set(k, (counts.get(k) ?? 0) + 1)
    }
    let probability = Math.exp(-mean)
    for (let k = 0; k <= 30; probability *= mean / ++k) {
      near((counts.get(k) ?? 0) / N, probability, Math.sqrt(probability / N) + 1 / N, `P(${k})`)
    }
  })
})
