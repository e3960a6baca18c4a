import { writeFile } from 'node:fs/promises'
import { layoutSource } from './layout.ts'

await writeFile(new URL('./libraries/Layout.sol', import.meta.url), layoutSource())
