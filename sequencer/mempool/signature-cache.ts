import type { Point } from '../../protocol/curve.ts'
import { type Signature, type SignatureCheck, verifySignature } from '../../protocol/signature.ts'
import { verifyBatch } from '../../prover/kernel/hashing.ts'

/** More than may wait to be settled. */
const REMEMBERED = 20_000

/** A signature with what it signs and the key that it is to verify under. */
export interface Signed {
  readonly publicKey: Point
  readonly message: bigint
  readonly signature: Signature
}

/** Remembers which signatures are good: to verify one takes milliseconds, and what waits is judged again at every look. */
export class SignatureCache {
  /** Number of signatures that were verified one by one. */
  checked = 0
  readonly #good = new Set<string>()
  readonly #check: SignatureCheck

  /** @param check what is asked once */
  constructor(check: SignatureCheck = verifySignature) {
    this.#check = check
  }

  readonly verify: SignatureCheck = (publicKey, message, signature) => {
    const key = keyOf({ publicKey, message, signature })
    if (this.#good.has(key)) return true
    this.checked++
    if (!this.#check(publicKey, message, signature)) return false
    this.#remember(key)
    return true
  }

  /** Verifies many at once. */
  learn(list: readonly Signed[]): void {
    const verdicts = verifyBatch(
      list.map(({ publicKey, message, signature: { r8, s } }) => ({ A: publicKey, message, R8: r8, S: s })),
    )
    list.forEach((signed, i) => verdicts[i] && this.#remember(keyOf(signed)))
  }

  #remember(key: string): void {
    this.#good.add(key)
    // The oldest is the first.
    if (this.#good.size > REMEMBERED) for (const oldest of this.#good) return void this.#good.delete(oldest)
  }
}

function keyOf({ publicKey, message, signature: { r8, s } }: Signed): string {
  return [message, ...publicKey, ...r8, s].join()
}
