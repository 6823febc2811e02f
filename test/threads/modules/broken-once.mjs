// Fails to load while the file that its URL names is not there, and makes it.
import { existsSync, writeFileSync } from 'node:fs'

const file = new URL(import.meta.url).searchParams.get('file')
if (!existsSync(file)) {
  writeFileSync(file, '')
  throw new Error('the database is not up yet')
}

export const run = () => undefined
