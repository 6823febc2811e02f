/**
 * The partners in a process of their own: `tsx src/app/partners/server.ts`. PARTNERS_PORT is the first of five ports, 0
 * takes free ones.
 */
import { partnerNames, startPartners } from './start.js'

const partners = await startPartners(Number(process.env['PARTNERS_PORT'] ?? 4000))
for (const name of partnerNames) console.log(`${name} ${partners.each[name].url}`)
console.log(`control ${partners.controlUrl}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void partners.close())
}
