import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { installPackage } from './debian-package.ts'

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
  if (found() === undefined) {
    process.stderr.write('installing chromium for the tests of the page...\n')
    installPackage('chromium')
  }
  const executablePath = found()
  if (executablePath === undefined)
    throw new Error(
      'The page cannot be tested without Chromium, and it could not be installed. Run: apt-get install chromium, or set PLIMSOLL_CHROMIUM.',
    )
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] })
}
