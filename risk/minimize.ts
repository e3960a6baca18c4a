export interface Minimum {
  readonly point: readonly number[]
  readonly value: number
  readonly evaluations: number
}

/**
 * The downhill simplex of J. Nelder and R. Mead (1965) with the usual coefficients 1, 2, 1/2, 1/2: a local minimum of a function that
 * need not be smooth. It starts from `start` and one point `step` away along each axis, and ends when the simplex's values differ by
 * less than `tolerance` of their size, or after `limit` evaluations. Restarted once at what it found, which frees a collapsed simplex.
 */
export function minimize(
  value: (point: readonly number[]) => number,
  start: readonly number[],
  {
    step = 0.5,
    tolerance = 1e-9,
    limit = 2000,
    restarts = 1,
  }: { step?: number; tolerance?: number; limit?: number; restarts?: number } = {},
): Minimum {
  let best = simplex(value, start, step, tolerance, limit)
  for (let r = 0; r < restarts && best.evaluations < limit; r++) {
    const again = simplex(value, best.point, step / 2, tolerance, limit - best.evaluations)
    const evaluations = best.evaluations + again.evaluations
    best = again.value < best.value ? { ...again, evaluations } : { ...best, evaluations }
  }
  return best
}

interface Vertex {
  readonly point: readonly number[]
  readonly value: number
}

function simplex(
  value: (point: readonly number[]) => number,
  start: readonly number[],
  step: number,
  tolerance: number,
  limit: number,
): Minimum {
  const n = start.length
  let evaluations = 0
  const vertex = (point: readonly number[]): Vertex => {
    evaluations++
    const result = value(point)
    return { point, value: Number.isNaN(result) ? Infinity : result }
  }
  const vertices = [vertex(start), ...start.map((_, axis) => vertex(start.map((x, i) => (i === axis ? x + step : x))))]
  const order = () => vertices.sort((a, b) => a.value - b.value)
  order()
  while (evaluations < limit) {
    const [best, worst] = [vertices[0]!, vertices[n]!]
    if (Math.abs(worst.value - best.value) <= tolerance * (Math.abs(best.value) + tolerance)) break
    const center = start.map((_, i) => vertices.slice(0, n).reduce((sum, { point }) => sum + point[i]!, 0) / n)
    const along = (factor: number) => vertex(center.map((c, i) => c + factor * (worst.point[i]! - c)))
    const reflected = along(-1)
    if (reflected.value < best.value) {
      const expanded = along(-2)
      vertices[n] = expanded.value < reflected.value ? expanded : reflected
    } else if (reflected.value < vertices[n - 1]!.value) {
      vertices[n] = reflected
    } else {
      const contracted = along(reflected.value < worst.value ? -0.5 : 0.5)
      if (contracted.value < Math.min(reflected.value, worst.value)) vertices[n] = contracted
      else
        for (let v = 1; v <= n; v++)
          vertices[v] = vertex(vertices[v]!.point.map((x, i) => best.point[i]! + 0.5 * (x - best.point[i]!)))
    }
    order()
  }
  return { ...vertices[0]!, evaluations }
}
