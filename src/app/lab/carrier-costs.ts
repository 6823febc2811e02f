import { type CarrierName, open } from './carriers.js'

/** What one carrier of the context costs. */
export interface CarrierCosts {
  /** Microseconds of CPU time for a transaction with a query and a task. */
  readonly transaction: number
  /** Nanoseconds of CPU time for an `await` of a fulfilled promise in a request. */
  readonly await: number
  /** Entries that such an `await` leaves in the namespace, until the garbage collector has come by. */
  readonly entries: number
}

/** How much is measured. */
export interface CarrierRounds {
  readonly transactions: number
  readonly awaits: number
  /** The cheapest of so many counts: other work on the machine only ever adds. 1 by default. */
  readonly rounds?: number
  /** A database with tables; one of its own by default. */
  readonly url?: string
}

/** Measures one carrier, twenty transactions at a time, on SQLite. In a process of its own: a namespace slows all of it. */
export async function carrierCosts(
  name: CarrierName,
  { transactions, awaits, rounds = 1, url }: CarrierRounds,
): Promise<CarrierCosts> {
  const carried = await open(name, url)
  const { afterCommit, prisma, request } = carried
  const run = async (count: number): Promise<void> => {
    let next = 0
    const client = async (): Promise<void> => {
      while (next < count) {
        await request(next++, () =>
          prisma.$transaction(async (tx) => {
            await tx.user.findFirst({ select: { id: true } })
            afterCommit('nothing', () => undefined)
          }),
        )
      }
    }
    await Promise.all(Array.from({ length: 20 }, client))
    await afterCommit.idle()
  }
  const fulfilled = Promise.resolve()
  const loop = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await fulfilled
  }

  const cheapest = async (measured: () => Promise<void>): Promise<number> => {
    const times: number[] = []
    while (times.length < rounds) times.push(await cpuTime(measured))
    return Math.min(...times)
  }

  // First and few, so that the garbage collector does not come by.
  await request(0, () => loop(1_000))
  const entries = carried.contexts() / 1_000
  await run(transactions / 2)
  const running = await cheapest(() => run(transactions))
  await request(0, () => loop(awaits))
  const awaiting = await cheapest(() => request(0, () => loop(awaits)))
  await carried.close()
  return { transaction: running / transactions, await: (awaiting / awaits) * 1_000, entries }
}

/** In microseconds, so that a busy machine changes little. */
async function cpuTime(run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { system, user } = process.cpuUsage(before)
  return system + user
}
