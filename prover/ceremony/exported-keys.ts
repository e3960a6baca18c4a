import { copyFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PlimsollError } from '../../protocol/errors.ts'
import { closeCurve, curveIsOpen } from '../curve.ts'
import { check, writeManifest } from '../key-cache.ts'
import { describeKey, type KeySet, loadCircuit } from '../keys.ts'
import type { ProfileName } from '../profiles.ts'
import { CIRCUITS, PROFILES } from '../profiles.ts'
import { type CompileChoices, compiledCircuits } from './compiled-circuits.ts'
import { hashFile } from './ptau-file.ts'
import { writeDirectory } from './staging.ts'
import { forEachCircuit, readTranscript, writeTranscript, zkeyPath } from './transcript.ts'
import { type CeremonyVerdict, type VerifyOptions, verifyCeremony } from './verify-ceremony.ts'
import { readZkeyState } from './zkey-state.ts'

export interface ExportOptions extends Omit<VerifyOptions, 'unfinished'> {
  /** The directory to write. */
  readonly output: string
}

/**
 * Verifies a finished ceremony and, only if it is sound, writes its keys for use: proving keys, verification keys, verifier
 * contracts, the transcript, and checksums of them all.
 * @throws PlimsollError as `verifyCeremony` does, and when the directory cannot be written
 */
export async function exportKeys({ output, ...options }: ExportOptions): Promise<CeremonyVerdict> {
  const verdict = await verifyCeremony(options)
  if (!verdict.ok) return verdict
  const { transcript } = verdict
  const curveWasOpen = curveIsOpen()
  await writeDirectory(output, async (directory) => {
    for (const circuit of CIRCUITS) {
      const zkey = zkeyPath(directory, circuit)
      await copyFile(zkeyPath(options.directory, circuit), zkey)
      const { zkeySha256, constraints } = transcript.circuits[circuit]
      if ((await hashFile(zkey, ['sha256']))[0] !== zkeySha256)
        throw new PlimsollError(`${zkeyPath(options.directory, circuit)} was changed after it had been verified.`)
      await describeKey(zkey, directory, circuit, constraints)
    }
    await writeTranscript(directory, transcript)
    await writeManifest(directory, contentOf(transcript.profile))
  }).finally(() => (curveWasOpen ? undefined : closeCurve()))
  return verdict
}

/**
 * Keys that `exportKeys` wrote. Checked are the files against their checksums, that the circuits are those of this
 * installation, and that a ceremony made the keys; not again that the ceremony is sound.
 * @throws PlimsollError naming what is wrong
 */
export async function loadExportedKeys(
  directory: string,
  profileName: ProfileName,
  choices: CompileChoices = {},
): Promise<KeySet> {
  const again = 'Export the keys again with `plimsoll keys export`.'
  const transcript = await readTranscript(directory)
  const { profile, beacon, contributions } = transcript
  if (profile !== profileName)
    throw new PlimsollError(`The keys in ${directory} are of profile ${profile}, not ${profileName}.`, {
      hint: `Name others with --keys, or add --profile ${profile}.`,
    })
  await check(directory, contentOf(profile), again)
  if (beacon === null || contributions.length === 0)
    throw new PlimsollError(`The ceremony of the keys in ${directory} is not finished.`)
  const compiled = await compiledCircuits(profile, choices)
  const keys = await forEachCircuit(async (circuit) => {
    const { r1csSha256, keyHash } = transcript.circuits[circuit]
    if (compiled[circuit].r1csSha256 !== r1csSha256) {
      throw new PlimsollError(`The keys in ${directory} are for another ${circuit} circuit than this version's.`, {
        hint: 'Use the version of the ceremony, or hold one for this.',
      })
    }
    const loaded = await loadCircuit(directory, circuit, dirname(compiled[circuit].files))
    const state = await readZkeyState(loaded.zkey)
    if (
      state.keyHash !== keyHash ||
      loaded.keyHash !== keyHash ||
      state.contributions.length !== contributions.length + 1
    ) {
      throw new PlimsollError(`The ${circuit} key in ${directory} is not that of its transcript.`, { hint: again })
    }
    return loaded
  })
  return { profile: PROFILES[profile], origin: 'ceremony', directory, ...keys }
}

function contentOf(profile: ProfileName): string {
  return `plimsoll ceremony keys 1 ${profile}`
}
