import type { Fleet } from '../fleet/fleet.ts'
import type { FleetLog } from '../fleet/fleet-log.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { ProofService } from '../prover/proof-service.ts'

/**
 * The fleet of a node, if it is to have one.
 * @throws PlimsollError where a part of what it needs is missing, the key is none, or Redis refuses the password
 */
export async function openFleet(
  { redis, fleetKey }: { readonly redis?: string; readonly fleetKey?: string },
  local: ProofService,
  log: FleetLog,
): Promise<Fleet | undefined> {
  if (redis === undefined && fleetKey === undefined) return undefined
  if (redis === undefined) throw new PlimsollError('--fleet-key goes with --redis.')
  if (fleetKey === undefined)
    throw new PlimsollError('--redis needs --fleet-key.', { hint: 'plimsoll fleet-key makes one.' })
  const { FleetKey } = await import('../fleet/fleet-key.ts')
  const key = await FleetKey.read(fleetKey)
  const { Fleet } = await import('../fleet/fleet.ts')
  return Fleet.open({ redis, key, local, log })
}
