/** Loaded first (`node --import`), it gives the program toy circuits instead of its own: keys for them take seconds. */
import { registerHooks } from 'node:module'

const REPLACED = '/prover/profiles.ts'
const TOY = new URL('./toy-profiles.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    return resolved.url.endsWith(REPLACED) && context.parentURL !== TOY ? { ...resolved, url: TOY } : resolved
  },
})
