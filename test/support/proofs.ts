import { ProofService } from '../../prover/proof-service.ts'

/** Real proofs for tests. A file that makes some closes it when it is done: `after(() => proofs.close())`. */
export const proofs = new ProofService()
