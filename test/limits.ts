// npm run limits:table: writes the table of limits of the README from src/app/lab/limits.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { limitsTable, storedRun } from './support/limits.js'
import { withTable } from './support/promises.js'

const readme = new URL('../README.md', import.meta.url)
writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), 'limits', await limitsTable(storedRun())))
