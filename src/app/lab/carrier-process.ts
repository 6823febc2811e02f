/** Measures the carrier that the variable CARRIER names on the database of DATABASE_URL, and prints what it costs as JSON. */
import { carrierCosts } from './carrier-costs.js'
import { carriers } from './carriers.js'

const carrier = carriers.find((name) => name === process.env['CARRIER'])
if (carrier === undefined) throw new TypeError(`Expected CARRIER to be one of ${carriers.join(', ')}`)
const url = process.env['DATABASE_URL'] ?? ''
console.log(JSON.stringify(await carrierCosts(carrier, { transactions: 100, awaits: 100_000, rounds: 5, url })))
