import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type Browser, chromium } from 'playwright-core'

const PATHS = [
  process.env.PLIMSOLL_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

/**
 * Debian's Chromium, installed first where it is missing and this is root, as in CI.
 * @throws Error saying what is missing: a check that was not made must not look like one that passed
 */
export async function openBrowser(): Promise<Browser> {
  const found = () => PATHS.find((path) => path !== undefined && existsSync(path))
  if (found() === undefined && userInfo().uid === 0) {
    process.stderr.write('installing chromium for the tests of the page...\n')
    for (const args of [
      ['update', '-q'],
      ['install', '-y', '-q', '--no-install-recommends', 'chromium'],
    ])
      spawnSync('apt-get', args, { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  }
  const executablePath = found()
  if (executablePath === undefined)
    throw new Error(
      'The page cannot be tested without Chromium, and it could not be installed. Run: apt-get install chromium, or set PLIMSOLL_CHROMIUM.',
    )
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] })
}
