// What the carriers of the context cost, on SQLite. Most of it is the price of a cls-hooked namespace in the process.
import { carrierCosts } from '../../src/app/lab/carrier-costs.js'
import { carriers, type CarrierName } from '../../src/app/lab/carriers.js'
import { type Benchmark, once } from './benchmark.js'

const transactions = once ? 50 : 2_000
const awaits = once ? 1_000 : 300_000
const [theirs, ...others] = carriers

export const context: Benchmark = {
  title: `CPU time on each carrier of the context, ${transactions} transactions with a query and a task, 20 at a time`,
  contestants: carriers,
  rounds: 7,
  comparisons: others.flatMap((ours) => [
    { measure: 'transaction', unit: 'µs', ours, theirs },
    { measure: 'await of a fulfilled promise in a request', unit: 'ns', ours, theirs },
  ]),
  async round(carrier) {
    const { transaction, await: awaiting } = await carrierCosts(carrier as CarrierName, { transactions, awaits })
    return { transaction, 'await of a fulfilled promise in a request': awaiting }
  },
}
