import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { runCli } from '../support/run-cli.ts'

describe('plimsoll --help', () => {
  it('names every command', async () => {
    const { code, stdout, stderr } = await runCli(['--help'])
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    for (const command of [
      'setup',
      'assess',
      'prove',
      'verify',
      'deploy',
      'node',
      'prover',
      'fleet-key',
      'auctions',
      'keeper',
      'wallet',
      'web',
      'keys',
      'risk',
      'demo',
      'test',
    ])
      assert.match(stdout, new RegExp(`^  ${command} `, 'm'))
  })

  for (const command of [
    'setup',
    'assess',
    'prove',
    'verify',
    'deploy',
    'node',
    'prover',
    'fleet-key',
    'auctions',
    'keeper',
    'wallet',
    'web',
    'keys',
    'risk',
    'demo',
    'test',
  ]) {
    it(`explains ${command}, with an example`, async () => {
      const { code, stdout, stderr } = await runCli([command, '--help'])
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
      assert.match(stdout, new RegExp(`^Usage: plimsoll ${command} `))
      assert.match(stdout, new RegExp(`^Examples?:\\n  plimsoll ${command}`, 'm'))
    })
  }

  it("is next to --version, the package's own", async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
    assert.deepEqual(await runCli(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  })
})
