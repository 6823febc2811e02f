// npm run promises: writes the table of promises of the README from the titles of the tests.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisesOf, tableOf, withTable } from './support/promises.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = new URL('../README.md', import.meta.url)
writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), 'promises', await tableOf(promisesOf(root), root)))
