import { hashByKernel } from '../../prover/kernel/hashing.ts'

// Required by mocha in each of its processes: the reference machine hashes as it does in a node, several times as fast as by the library.
hashByKernel()
