import type { Hex } from 'viem'
import type { System } from '../../protocol/system.ts'
import { type NodeState, REMEMBERED } from '../state/store.ts'
import type { Step } from './step.ts'

/** Seconds for which an account that was a decoy is none. */
export const DECOY_PAUSE = 86_400

/** The state after a settlement of some steps, `now`: what went into old ones is forgotten. */
export function nextState(state: NodeState, system: System, steps: readonly Step[], now: number): NodeState {
  const settlements = state.settlements + 1
  const remembered = [...state.applied].filter(([, settlement]) => settlement > settlements - REMEMBERED)
  const applied = steps.flatMap(({ units }) => units.flat().map((id): [Hex, number] => [id, settlements]))
  const recent = [...state.decoyed].filter(([, time]) => time > now - DECOY_PAUSE)
  const refreshed = steps.flatMap(({ resolutions }) => resolutions.filter(({ action }) => action === 'refresh'))
  const trades = steps.flatMap(({ results }) => results.filter(({ operation }) => operation.kind === 'trade'))
  return {
    system,
    settlements,
    applied: new Map([...remembered, ...applied]),
    decoyed: new Map([...recent, ...refreshed.map(({ account }): [number, number] => [account.index, now])]),
    traded: state.traded.with(trades.map(({ operation }) => operation.index)),
  }
}
