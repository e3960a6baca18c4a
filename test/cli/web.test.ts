import assert from 'node:assert/strict'
import { runCli } from '../support/run-cli.ts'

describe('plimsoll web', () => {
  const refused = async (args: readonly string[], complaint: RegExp) => {
    const { code, stdout, stderr } = await runCli(['web', ...args])
    assert.match(stderr, /^plimsoll: [^\n]+\n$/)
    assert.match(stderr, complaint)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
  }

  it('says what is missing or wrong, in a line', async () => {
    await refused(['--node', 'http://127.0.0.1:1'], /rpc/)
    await refused(['--rpc', 'http://127.0.0.1:1'], /Neither --node nor --settlement is given/)
    await refused(['--rpc', 'http://127.0.0.1:1', '--node', 'http://127.0.0.1:1'], /No JSON-RPC endpoint answers/)
    await refused(['--rpc', 'http://127.0.0.1:1', '--node', 'nowhere'], /not an http or https URL/)
    await refused(['--rpc', 'http://127.0.0.1:1', '--settlement', '0x12'], /0x12 is not an address/)
    await refused(
      ['--rpc', 'http://127.0.0.1:1', '--node', 'http://127.0.0.1:1', '--report', '/nowhere'],
      /cannot be read/,
    )
    await refused(['--rpc', 'http://127.0.0.1:1', '--node', 'http://127.0.0.1:1', '--port', '65536'], /65535/)
  })
})
