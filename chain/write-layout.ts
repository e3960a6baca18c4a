import { writeFile } from 'node:fs/promises'
import { layoutSource } from './layout-library.ts'

await writeFile(new URL('../contracts/libraries/Layout.sol', import.meta.url), layoutSource())
