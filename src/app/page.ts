/**
 * The tutorial: `npm start`, then the browser. The page's server keeps the partners and what was seen; the shop itself runs
 * in processes of its own, which can be killed.
 */
import { StartError } from './prepare-database.js'
import { readSettings } from './settings.js'
import { startPage } from './page/start.js'

const { host, port } = readSettings(process.env)
const databaseUrl = process.env['DATABASE_URL'] || undefined
const page = await startPage({ host, port, databaseUrl }).catch((error: unknown) => {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') console.error(`Port ${port} is taken. Another one, or 0 for a free one: PORT=0 npm start`)
  else console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
})
const removed = databaseUrl === undefined ? ' and removes its databases' : ''
console.log(`The tutorial is at ${page.url}\nCtrl+C ends it${removed}.`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void page.close().then(() => process.exit(0)))
}
// Whoever opens the address at once waits less. If it cannot start, the page says so, too.
page.worlds.of('after').catch((error: unknown) => console.error(error))
