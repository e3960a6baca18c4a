import { PlimsollError } from '../../protocol/errors.ts'
import { bootstrap } from './bootstrap.ts'
import { fhs } from './fhs.ts'
import { gbm } from './gbm.ts'
import { gjr } from './gjr.ts'
import { jumps } from './jumps.ts'
import type { PathModel, PathModelName, PathSpec } from './path-model.ts'
import { student } from './student.ts'

const FACTORIES: Readonly<Record<PathModelName, (spec: PathSpec) => PathModel>> = {
  gbm,
  student,
  gjr,
  jumps: (spec) => jumps(spec),
  fhs,
  bootstrap,
}

/**
 * Makes a model of joint paths from plain data, the same in every worker.
 * @throws PlimsollError when the model needs a history that an asset does not have, cannot make steps of that length, or no assets can be
 * correlated as asked
 */
export function createPathModel(spec: PathSpec): PathModel {
  if (spec.correlation !== undefined && (spec.model === 'fhs' || spec.model === 'bootstrap')) {
    throw new PlimsollError(
      `The model ${spec.model} draws the assets' moves together, as they were: --correlation does not apply to it.`,
      {
        hint: 'Take gbm, student, gjr or jumps.',
      },
    )
  }
  // A book of cash alone has no prices to draw.
  if (spec.symbols.length === 0) return { name: spec.model, notes: [], fill: () => {} }
  return FACTORIES[spec.model](spec)
}
