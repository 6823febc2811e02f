import type { CarrierCosts } from '../carrier-costs.js'
import type { CarrierName } from '../carriers.js'
import { defineLimit } from '../limit.js'
import type { Lab } from '../open-lab.js'

/** The context in a cls-hooked namespace, beside AsyncLocalStorage: each measured in a process of its own. */
export const clsHooked = defineLimit({
  name: 'cls-hooked',
  title: 'A cls-hooked namespace slows down its whole process',
  rung: 1,
  async run(lab) {
    const [storage, namespace] = [await costs(lab, 'AsyncLocalStorage'), await costs(lab, 'cls-hooked')]
    return {
      storage,
      namespace,
      transactionTimes: round(namespace.transaction / storage.transaction),
      awaitTimes: round(namespace.await / storage.await),
    }
  },
  tell: ({ storage, namespace, transactionTimes, awaitTimes }) => ({
    happens: `CPU time with a namespace: ${awaitTimes} times for an await, ${transactionTimes} times for a transaction with a task.`,
    answer:
      `AsyncLocalStorage, the default: ${storage.await} ns and ${storage.transaction} µs, ` +
      `instead of ${namespace.await} ns and ${namespace.transaction} µs.`,
  }),
})

async function costs(lab: Lab, carrier: CarrierName) {
  const { url } = await lab.database()
  const env = { CARRIER: carrier, DATABASE_URL: url }
  const { lines } = await lab.start('../lab/carrier-process.ts', { lines: 1, env })
  const { transaction, await: awaiting, entries } = JSON.parse(lines[0] ?? '') as CarrierCosts
  return { transaction: Math.round(transaction), await: Math.round(awaiting), entries: Math.round(entries) }
}

const round = (times: number): number => Math.round(times * 10) / 10
