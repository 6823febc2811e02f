// npm run soak                       200 000 transactions on each carrier: is the heap flat?
// npm run soak -- --transactions 3000 --carrier cls-hooked
//
// Each transaction is a request of its own and registers one task; one in ten rolls back, one task in a hundred is retried.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type Carried, carriers, type CarrierName, open } from '../../src/app/lab/carriers.js'

const { values } = parseArgs({
  options: { transactions: { type: 'string', default: '200000' }, carrier: { type: 'string' } },
})
const total = Number(values.transactions)
const step = total / 10
/** Bytes for each transaction. A context that is not released leaves 800 behind; caches go on filling for some thousand rounds. */
const tolerance = total < 50_000 ? 200 : 20

const asked = carriers.find((name) => name === values.carrier)
if (asked) await soak(asked)
else {
  for (const name of ['AsyncLocalStorage', 'cls-hooked']) {
    const args = [...process.execArgv, process.argv[1] ?? '', '--transactions', String(total), '--carrier', name]
    if (spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0) process.exitCode = 1
  }
}

async function soak(name: CarrierName): Promise<void> {
  const carried = await open(name)
  const wrong: number[] = []
  for (let done = 1_000; done <= 5_000; done += 1_000) {
    await transactions(carried, 1_000, wrong)
    console.log(`${name}: warming up, ${done} of 5000 transactions`) // caches fill, code is compiled
  }
  const heaps = [await heap()]
  const contexts = carried.contexts()
  for (let done = step; done <= total; done += step) {
    await transactions(carried, step, wrong)
    heaps.push(await heap())
    const megabytes = ((heaps.at(-1) ?? 0) / 2 ** 20).toFixed(2)
    console.log(`${name}: ${done} transactions, heap ${megabytes} MB, ${carried.contexts()} contexts`)
  }
  const { succeeded, failed } = carried.afterCommit.stats()
  const leaked = carried.contexts() - contexts
  await carried.close()
  const growth = slope(heaps) / step
  const flat = growth < tolerance
  console.log(`${name}: ${growth.toFixed(1)} bytes a transaction, ${flat ? 'flat' : `NOT FLAT (${tolerance} at most)`}`)
  if (wrong.length > 0) console.log(`${name}: ${wrong.length} tasks saw another request`)
  if (failed > 0 || succeeded === 0) console.log(`${name}: ${succeeded} tasks succeeded, ${failed} failed`)
  if (leaked > 100) console.log(`${name}: ${leaked} contexts more than at the beginning`)
  if (leaked > 100 || !flat || wrong.length > 0 || failed > 0 || succeeded === 0) process.exitCode = 1
}

async function transactions(
  { afterCommit, prisma, request, requestId }: Carried,
  count: number,
  wrong: number[],
): Promise<void> {
  let next = 0
  let begun = 0
  const client = async (): Promise<void> => {
    while (next < begun) {
      const id = next++
      await request(id, async () => {
        await prisma
          .$transaction(async (tx) => {
            await tx.user.findFirst({ select: { id: true } })
            afterCommit('sees its request', async ({ attempt }) => {
              await new Promise((resolve) => setImmediate(resolve))
              if (requestId() !== id) wrong.push(id)
              if (attempt === 1 && id % 100 === 1) throw new Error('once more')
            })
            if (id % 10 === 0) throw new Error('rolled back')
          })
          .catch((error: unknown) => {
            if (String(error) !== 'Error: rolled back') throw error
          })
      })
    }
  }
  while (begun < count) {
    next = begun
    begun += Math.min(1_000, count - begun)
    await Promise.all(Array.from({ length: 20 }, client))
    await afterCommit.idle()
    // The libsql adapter opens a file for each transaction, which the garbage collector closes, once none waits for another.
    await collect()
  }
}

/** What is reachable. */
async function heap(): Promise<number> {
  await collect()
  return process.memoryUsage().heapUsed
}

/** Several times: cls-hooked forgets the context of a promise, and libsql closes a file, after it has been collected. */
async function collect(): Promise<void> {
  if (!gc) throw new Error('Expected node --expose-gc')
  for (let n = 0; n < 5; n++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Of the straight line through the points, per step. */
function slope(points: readonly number[]): number {
  const middle = (points.length - 1) / 2
  const mean = points.reduce((sum, point) => sum + point, 0) / points.length
  const covariance = points.reduce((sum, point, index) => sum + (index - middle) * (point - mean), 0)
  return covariance / points.reduce((sum, _, index) => sum + (index - middle) ** 2, 0)
}
