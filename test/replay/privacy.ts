import { Random } from '../../risk/random.ts'
import { decoysOfDemo, placementOfDemo } from '../support/demo-privacy.ts'
import { blendUncertainty, demoMarks, secondAct } from '../support/second-act.ts'

const USD = 10n ** 6n
const COIN = 10n ** 8n
const KEYS = 3
const RUNS = 20_000

/** Figures of docs/threat-model.md: `npm run bench:privacy`. Decoys are drawn under five keys, which give other days. */
function main(): void {
  const keys = Array.from({ length: KEYS }, (_, i) => new Uint8Array(32).fill(i + 1))
  const random = new Random(1)
  const marks = demoMarks([194n, 7_935n, 194n])
  const none = Array<bigint>(6).fill(0n)
  const second = [100n * USD, 0n, ...none]
  const split = (from: bigint[], asset: number) =>
    blendUncertainty(from, second, asset, marks, () => random.uniform(), RUNS)
  const saver = [10_000n * USD, 10n * COIN, ...none]
  const figures = {
    placement: placementOfDemo(keys[0]!),
    paddingAlone: keys.map((key) => decoysOfDemo(key, 0)),
    decoys: keys.map((key) => decoysOfDemo(key, 1 / 8)),
    secondAct: secondAct(),
    secondActWithBlend: secondAct(() => random.uniform()),
    splits: {
      saverCash: split(saver, 0),
      saverUnits: split(saver, 1),
      borrowerUnits: split([-1_000n * USD, 10n * COIN, ...none], 1),
    },
  }
  console.log(JSON.stringify(figures, (_, value) => (typeof value === 'bigint' ? String(value) : value), 1))
}

main()
