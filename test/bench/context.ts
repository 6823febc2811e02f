// What the carriers of the context cost: node --conditions=source --import tsx test/bench/context.ts [--json]
//
// BENCH_ONCE=1 runs a short round of everything, to see that it works. Each round is a process of its own, and the rounds of
// the carriers take turns. Measured in CPU time, so that a busy machine changes little.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { carriers, type CarrierName, open } from '../support/carriers.js'

interface Round {
  /** A transaction of one query and one task on SQLite, 20 at a time. */
  readonly microsecondsPerTransaction: number
  /** One `await` of a fulfilled promise in a request. */
  readonly nanosecondsPerAwait: number
}

interface Result extends Round {
  readonly carrier: CarrierName
  /** Of the CPU time of a transaction with AsyncLocalStorage. */
  readonly ratio: number
}

const once = process.env['BENCH_ONCE'] === '1'
const [rounds, transactions, awaits] = once ? [1, 50, 1_000] : [7, 2_000, 300_000]
const { values } = parseArgs({ options: { carrier: { type: 'string' }, json: { type: 'boolean', default: false } } })

const asked = carriers.find((carrier) => carrier === values.carrier)
if (asked) console.log(JSON.stringify(await round(asked)))
else report(measure())

function measure(): Result[] {
  const measured = new Map<CarrierName, Round[]>(carriers.map((carrier) => [carrier, []]))
  for (let n = 0; n < rounds; n++) {
    for (const [carrier, own] of measured) own.push(inOwnProcess(carrier))
  }
  const results = [...measured].map(([carrier, own]) => ({
    carrier,
    microsecondsPerTransaction: median(own.map((each) => each.microsecondsPerTransaction)),
    nanosecondsPerAwait: median(own.map((each) => each.nanosecondsPerAwait)),
  }))
  const base = results[0]?.microsecondsPerTransaction ?? NaN
  return results.map((result) => Object.assign(result, { ratio: result.microsecondsPerTransaction / base }))
}

function report(results: readonly Result[]): void {
  if (values.json) return console.log(JSON.stringify({ node: process.version, rounds, transactions, results }))
  console.log(`Node ${process.version}, median of ${rounds} rounds of ${transactions} transactions`)
  console.table(
    Object.fromEntries(
      results.map(({ carrier, nanosecondsPerAwait, ratio, microsecondsPerTransaction }) => [
        carrier,
        {
          'µs/transaction': Math.round(microsecondsPerTransaction),
          ratio: Number(ratio.toFixed(2)),
          'ns/await': Math.round(nanosecondsPerAwait),
        },
      ]),
    ),
  )
}

function inOwnProcess(carrier: CarrierName): Round {
  const args = [...process.execArgv, process.argv[1] ?? '', '--carrier', carrier]
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`The round of ${carrier} ended with ${status}`)
  return JSON.parse(stdout) as Round
}

async function round(carrier: CarrierName): Promise<Round> {
  const carried = await open(carrier)
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
  await run(transactions / 2)
  const running = await time(() => run(transactions))
  const fulfilled = Promise.resolve()
  const loop = async (): Promise<void> => {
    for (let n = 0; n < awaits; n++) await fulfilled
  }
  await request(0, loop)
  const awaiting = await time(() => request(0, loop))
  await carried.close()
  return {
    microsecondsPerTransaction: running / transactions,
    nanosecondsPerAwait: (awaiting / awaits) * 1e3,
  }
}

/** Microseconds of CPU time. */
async function time(fn: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await fn()
  const { system, user } = process.cpuUsage(before)
  return system + user
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? NaN
}
