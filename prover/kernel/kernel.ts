import { availableParallelism } from 'node:os'
import { Arena } from './arena.ts'
import { compileOptimized } from './compile-module.ts'
import { hasFusedMultiplyAdd } from './fused.ts'
import { Machine, type SharedMachine } from './machine.ts'
import { buildKernelModule, type FieldVariant } from './module.ts'
import { Pool } from './pool.ts'

export interface KernelOptions {
  /** Default: fused multiply-add where the machine has it. */
  readonly variant?: FieldVariant
  /** Default: as many as there are cores. */
  readonly threads?: number
}

/** The kernel's memory and threads, for proofs, keys and hashes. `close` ends the threads; they do not keep a process alive. */
export class Kernel {
  readonly variant: FieldVariant
  readonly arena: Arena
  readonly machine: Machine
  readonly pool: Pool

  constructor(options: KernelOptions = {}) {
    this.variant = options.variant ?? (hasFusedMultiplyAdd() ? 'fma' : 'integer')
    // Threads start while the module is built.
    this.pool = new Pool(options.threads ?? availableParallelism())
    try {
      const { bytes, constants } = buildKernelModule(this.variant)
      this.arena = new Arena()
      const shared: SharedMachine = {
        variant: this.variant,
        module: compileOptimized(bytes),
        memory: this.arena.memory,
      }
      this.machine = new Machine(shared)
      this.machine.bytes(0, constants.length).set(constants)
      this.pool.begin(shared)
    } catch (error) {
      void this.pool.close()
      throw error
    }
  }

  /** Sees to it that each thread has a workspace of that size. Not while tasks are under way. */
  reserveWorkspaces(bytes: number): void {
    if (this.pool.workspaceBytes >= bytes) return
    this.pool.setWorkspaces(
      Array.from({ length: this.pool.size }, () => ({ pointer: this.arena.allocate(bytes), bytes })),
    )
  }

  async close(): Promise<void> {
    await this.pool.close()
  }
}
