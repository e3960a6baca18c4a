import { gzipSync } from 'node:zlib'
import { bundleSdk, SDK_FILES } from './bundle-sdk.ts'

// `npm run bench:sdk`: what the SDK weighs in a browser, all of it and what one page of it needs.

const PAGES = {
  'all of it': SDK_FILES,
  'the API of a node, typed': ['client.ts'],
  'an owner at a node': ['client.ts', 'owner-key.ts', 'owner-wallet.ts'],
  'deposit and claim': ['chain/client.ts', 'actions/deposit.ts', 'actions/claim.ts'],
  'recovery from the chain': ['chain/client.ts', 'owner-key.ts', 'actions/recover.ts'],
}

process.stdout.write('part                       minified     gzip\n')
for (const [what, files] of Object.entries(PAGES)) {
  const text = await bundleSdk(files, { minify: true })
  const [minified, zipped] = [text.length, gzipSync(text, { level: 9 }).length].map(
    (size) => `${(size / 1000).toFixed(0)} kB`,
  )
  process.stdout.write(`${what.padEnd(25)}${minified!.padStart(10)}${zipped!.padStart(9)}\n`)
}
