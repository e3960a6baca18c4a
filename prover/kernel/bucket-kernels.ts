import { advance, kernel } from './emit.ts'
import { doWhile, i32, local, type WasmFunction, when } from './wasm.ts'

/** Words of a `fill` job, in order; see `bucketKernels`. */
export const FILL_WORDS = [
  'points',
  'indices',
  'left',
  'digits',
  'scalarStride',
  'multipleStride',
  'multiples',
  'pointBytes',
  'records',
  'buckets',
  'additions',
  'capacity',
  'deferred',
  'deferredEnd',
  'stamp',
] as const
export type FillWord = (typeof FILL_WORDS)[number]

/** Bytes of a bucket's record: an entry, 0 while the bucket is empty, and the stamp of the batch that last added to it. */
export const RECORD_BYTES = 8
/** Bytes of a deferred point: its bucket's number and its entry. */
export const DEFERRED_BYTES = 8

/**
 * `fill(job)` sorts points into buckets by their digits, until a batch of additions is full, and returns the number of additions. An
 * entry is a point's address, plus 1 for its negative.
 *
 * Points come one behind the other, `multiples` for each of `left` indices: to the index `i` belong 16-bit digits at `digits + i
 * scalarStride`, `multipleStride` apart. A digit is signed: its magnitude is the number of the bucket. The first point of a bucket
 * becomes its entry; for each later one, there is an addition of both to the bucket's own place in `buckets`. As a batch adds
 * to a bucket only once, further points are deferred. The job's cursors `points`, `indices`, `left` and `deferred`
 * are left where the next call has to go on.
 */
export function bucketKernels(): Readonly<Record<string, WasmFunction>> {
  return { fill: fillKernel() }
}

function fillKernel(): WasmFunction {
  return kernel(1, ([job], frame) => {
    const word = (name: FillWord) => ({ offset: 4 * FILL_WORDS.indexOf(name), align: 4 }) as const
    const values = Object.fromEntries(FILL_WORDS.map((name) => [name, frame.i32()])) as Record<
      FillWord,
      ReturnType<typeof frame.i32>
    >
    for (const name of FILL_WORDS) local.set(values[name], i32.load(word(name), job!))
    const { points, indices, left, digits, scalarStride, multipleStride, multiples } = values
    const { pointBytes, records, buckets, additions, capacity, deferred, deferredEnd, stamp } = values

    const [filled, position, multiple] = [frame.i32(), frame.i32(), frame.i32()]
    const [digit, negative, entry, record, present] = [frame.i32(), frame.i32(), frame.i32(), frame.i32(), frame.i32()]
    const defer = (): void => {
      i32.store({ offset: 0, align: 4 }, deferred, digit)
      i32.store({ offset: 4, align: 4 }, deferred, entry)
      advance(deferred, DEFERRED_BYTES)
    }
    const addToBucket = (): void => {
      i32.store({ offset: 0, align: 4 }, additions, present)
      i32.store({ offset: 4, align: 4 }, additions, entry)
      local.set(present, i32.add(buckets, i32.mul(digit, pointBytes)))
      i32.store({ offset: 8, align: 4 }, additions, present)
      advance(additions, 12)
      local.set(filled, i32.add(filled, 1))
      i32.store({ offset: 0, align: 4 }, record, present)
      i32.store({ offset: 4, align: 4 }, record, stamp)
    }
    const place = (): void => {
      local.set(negative, i32.shr_u(digit, 31))
      local.set(entry, i32.add(points, negative))
      // The magnitude.
      local.set(digit, i32.add(i32.xor(digit, i32.sub(0, negative)), negative))
      local.set(record, i32.add(records, i32.shl(digit, 3)))
      local.set(present, i32.load({ offset: 0, align: 4 }, record))
      when(
        present,
        () => when(i32.eq(i32.load({ offset: 4, align: 4 }, record), stamp), defer, addToBucket),
        () => i32.store({ offset: 0, align: 4 }, record, entry),
      )
    }
    when(left, () =>
      doWhile(() => {
        local.set(position, i32.add(digits, i32.mul(i32.load({ offset: 0, align: 4 }, indices), scalarStride)))
        local.set(multiple, multiples)
        doWhile(() => {
          local.set(digit, i32.load16_s({ offset: 0, align: 2 }, position))
          when(digit, place)
          local.set(points, i32.add(points, pointBytes))
          local.set(position, i32.add(position, multipleStride))
          local.set(multiple, i32.sub(multiple, 1))
          return multiple
        })
        advance(indices, 4)
        local.set(left, i32.sub(left, 1))
        // Room for whatever the next index has.
        return i32.and(
          i32.and(
            i32.le_u(i32.add(filled, multiples), capacity),
            i32.le_u(i32.add(deferred, i32.shl(multiples, 3)), deferredEnd),
          ),
          i32.sub(1, i32.eq(left, 0)),
        )
      }),
    )
    for (const name of ['points', 'indices', 'left', 'deferred'] as const) i32.store(word(name), job!, values[name])
    return i32.add(filled, 0)
  })
}
