import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { hasFusedMultiplyAdd } from '../../../prover/kernel/fused.ts'
import { Kernel } from '../../../prover/kernel/kernel.ts'
import { Pool } from '../../../prover/kernel/pool.ts'
import type { TaskInput } from '../../../prover/kernel/tasks.ts'
import { encodeIntegers, sharedKernel, VARIANTS } from './support.ts'

/** Runs a script, with the kernel's modules at hand, in a process that has to end by itself; what it prints. */
async function runScript(script: string, ...options: string[]): Promise<string> {
  const module = (name: string) => JSON.stringify(new URL(`../../../prover/kernel/${name}.ts`, import.meta.url).href)
  const imports = `import { Kernel } from ${module('kernel')}; import { hasFusedMultiplyAdd } from ${module('fused')};`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...options, '--input-type=module', '-e', imports + script],
    { timeout: 20_000 },
  )
  return stdout.trim()
}

describe('kernel threads', function () {
  this.timeout(60_000)

  for (const variant of VARIANTS) {
    describe(`variant ${variant}`, () => {
      const digits = (
        kernel: Kernel,
        scalars: readonly bigint[],
      ): { input: TaskInput<'digits'>; read: () => number[] } => {
        const { arena, machine } = kernel
        const [at, to] = [arena.allocate(32 * scalars.length), arena.allocate(2 * 32 * scalars.length)]
        machine.bytes(at, 32 * scalars.length).set(encodeIntegers(scalars))
        const input = {
          scalars: at,
          digits: to,
          count: scalars.length,
          windows: 32,
          bits: 8,
          first: 0,
          end: scalars.length,
        }
        return { input, read: () => [...machine.halfWords(to, scalars.length)] }
      }

      it('report a task that throws, and go on', async () => {
        const kernel = sharedKernel(variant)
        const { pool } = kernel
        const nothing = { data: 0, log: 3, roots: undefined as never }
        const failing = () =>
          assert.rejects(pool.run('columns', { array: nothing, inverse: true, first: 0, end: 1 }), /undefined/)
        // A trap of WebAssembly: an address behind the memory's end.
        const trapping = () =>
          assert.rejects(pool.run('rows', { terms: 0xfffffff0, counts: 0xfffffff0, ab: 0, rows: 1 }), /out of bounds/)
        const good = async (scalar: number) => {
          const { input, read } = digits(kernel, [BigInt(scalar)])
          await pool.run('digits', input)
          assert.deepEqual(read(), [scalar])
        }
        await Promise.all(Array.from({ length: 12 }, (_, i) => [failing, trapping, () => good(i)][i % 3]!()))
        await Promise.all([good(100), good(101), good(102)])
      })

      it('report a task that cannot be sent to them, and go on', async () => {
        const { pool } = sharedKernel(variant)
        for (let i = 0; i <= pool.size; i++) {
          await assert.rejects(
            pool.run('rows', { terms: (() => 0) as never, counts: 0, ab: 0, rows: 0 }),
            /could not be cloned/,
          )
        }
        await Promise.all(Array.from({ length: 3 }, () => pool.run('rows', { terms: 0, counts: 0, ab: 0, rows: 0 })))
      })

      it('see memory that is added while they run', async () => {
        const kernel = sharedKernel(variant)
        const { arena, pool } = kernel
        const mark = arena.used
        for (let i = 0; i < 10; i++) {
          arena.allocate(kernel.machine.view.byteLength - arena.used + 64)
          const { input, read } = digits(
            kernel,
            Array.from({ length: 3000 }, (_, i) => BigInt(i % 128)),
          )
          await Promise.all([
            pool.run('digits', { ...input, end: 1500 }),
            pool.run('digits', { ...input, first: 1500 }),
          ])
          assert.deepEqual(
            read(),
            Array.from({ length: 3000 }, (_, i) => i % 128),
          )
        }
        arena.release(mark)
      })

      it('refuse tasks once they are closed, and those that were waiting', async () => {
        const kernel = new Kernel({ variant, threads: 1 })
        const { input } = digits(kernel, [1n])
        const left = Promise.allSettled(Array.from({ length: 5 }, () => kernel.pool.run('digits', input)))
        await kernel.close()
        for (const result of await left)
          assert.match(result.status === 'rejected' ? String(result.reason) : '', /was closed/)
        await assert.rejects(kernel.pool.run('digits', input), /was closed/)
        await kernel.close()
      })
    })
  }

  for (const [what, script] of [
    ['that have had no work', ''],
    ['that have done their work', 'await kernel.pool.run("rows", { terms: 0, counts: 0, ab: 0, rows: 0 });'],
    ['that failed', 'await kernel.pool.run("rows", { terms: -4, counts: -4, ab: 0, rows: 1 }).catch(() => {});'],
    [
      'that are closed',
      'await kernel.pool.run("rows", { terms: 0, counts: 0, ab: 0, rows: 0 }); await kernel.close();',
    ],
  ] as const) {
    it(`${what} do not keep a process alive`, async () => {
      assert.equal(
        await runScript(`const kernel = new Kernel({ variant: 'integer', threads: 2 }); ${script} console.log('done')`),
        'done',
      )
    })
  }

  it('keep a process alive while they work', async () => {
    const script = `const kernel = new Kernel({ variant: 'integer', threads: 1 }); kernel.pool.run("rows", { terms: 0, counts: 0, ab: 0, rows: 0 }).then(() => console.log('done'))`
    assert.equal(await runScript(script), 'done')
  })

  it('share out every range whole, without overlaps, cut where it may be', async () => {
    for (const size of [1, 2, 5]) {
      for (const align of [1, 2, 4]) {
        for (const units of [0, 1, 2, 3, 7, 9, 10, 11, 64, 1001]) {
          const run = async (_: string, part: unknown) => part
          const parts = (await Pool.prototype.split.call({ size, run } as never, 'digits', units * align, align, ((
            first: number,
            end: number,
          ) => [first, end]) as never)) as unknown as [number, number][]
          let next = 0
          for (const [first, end] of parts) {
            assert.ok(first === next && end > first && first % align === 0)
            next = end
          }
          assert.equal(next, units * align)
          assert.ok(parts.length <= 2 * size)
        }
      }
    }
  })
})

describe('kernel choice of a field', function () {
  this.timeout(60_000)

  it('is fused multiply-add where the processor has it', async () => {
    const expected = hasFusedMultiplyAdd() ? 'fma' : 'integer'
    assert.equal(await runScript('console.log(new Kernel({ threads: 1 }).variant)'), expected)
  })

  it('is integers where a multiply-add rounds twice', async function () {
    // Only on x86 can the instruction be switched off.
    if (process.arch !== 'x64') return this.skip()
    assert.equal(
      await runScript('console.log(hasFusedMultiplyAdd(), new Kernel({ threads: 1 }).variant)', '--no-enable-fma3'),
      'false integer',
    )
  })

  it('is integers where the engine has no relaxed SIMD', () => {
    const { Module } = WebAssembly
    WebAssembly.Module = class {
      constructor() {
        throw new WebAssembly.CompileError('invalid opcode')
      }
    } as unknown as typeof Module
    try {
      assert.equal(hasFusedMultiplyAdd(), false)
    } finally {
      WebAssembly.Module = Module
    }
  })
})
