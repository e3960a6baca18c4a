import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'

const SDK = fileURLToPath(new URL('../sdk/', import.meta.url))

/** Every module of the SDK, as a path in its folder. */
export const SDK_FILES: readonly string[] = readdirSync(SDK, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort()

/** Modules of the SDK as one script for browsers. Fails where one imports what browsers do not have. */
export async function bundleSdk(files: readonly string[], options: BuildOptions = {}): Promise<string> {
  // Names may repeat between modules: each is exported whole.
  const entry = files.map((file, i) => `export * as module${i} from './${file}'`).join('\n')
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: SDK, loader: 'ts' },
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
    ...options,
    write: false,
  })
  return outputFiles[0]!.text
}
