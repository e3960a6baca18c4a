import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// With the lists of packages that are there, or else with new ones.
const INSTALL = `
  install() { apt-get install -y -q --no-install-recommends "$0"; }
  dpkg -s "$0" || install || { apt-get update -q && install; }`

/**
 * Installs a package of Debian's that tests need, where it is missing and this is root, as in CI. Whether it worked is seen by
 * whoever looks for its programs.
 */
export function installPackage(name: string): void {
  if (process.getuid?.() !== 0) return
  // Not as a service: the package would start one. Files of tests run side by side, and apt-get does not wait for another.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  spawnSync('flock', [join(tmpdir(), 'plimsoll-packages.lock'), 'sh', '-c', INSTALL, name], { env, stdio: 'ignore' })
}
