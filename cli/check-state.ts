import { printJson, printText } from './output.ts'
import { stage } from './progress.ts'

/** Checks the state in a directory: exit code 1 where something is wrong with it. */
export async function runCheck(directory: string, json: boolean): Promise<void> {
  const { requireDatabase } = await import('../sequencer/state/store.ts')
  const { DamagedState } = await import('../sequencer/state/state-database.ts')
  const { checkState } = await import('../sequencer/state/check-state.ts')
  const path = await requireDatabase(directory)
  if (!json) stage('checking the state')
  try {
    const checked = checkState(path)
    if (json) return printJson({ ok: true, ...checked })
    const { accounts, leaves, versions, settlements } = checked
    printText(
      `The state is sound: ${accounts} accounts and ${leaves} leaves after settlement ${settlements}, ${versions} versions.`,
    )
  } catch (error) {
    if (!(error instanceof DamagedState)) throw error
    process.exitCode = 1
    if (json) printJson({ ok: false, error: error.message })
    else process.stderr.write(`plimsoll: ${error.message}\n`)
  }
}
