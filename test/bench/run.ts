// npm run bench                       all of them, side by side
// npm run bench -- pool memory        these
// npm run bench -- pool --json        one line of JSON for each comparison, instead of the table
// npm run bench -- pool --rounds 9
// npm run bench -- outbox --part latency --only 'after-commit, pool' --only 'pg-boss 12, tuned'    these parts, of these alone
// BENCH_ONCE=1 npm run bench          one short round, to see that they work
//
// What is measured is dist/, as users have it: tsx adds code that gives every closure its name, which would cost more than the
// closure. Rounds of the contestants take turns in random order, each in a process of its own. A missed bar is not an error.
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import pLimit from 'p-limit'
import { type Benchmark, type Figures, once } from './benchmark.js'
import { withDatabase } from './database.js'
import { jsonLines, type Measured, overview, resultsOf, table } from './table.js'

/** Loaded when needed: a process has only what it measures. */
const benchmarks: Record<string, () => Promise<Benchmark>> = {
  pool: async () => (await import('./pool.js')).pool,
  memory: async () => (await import('./memory.js')).memory,
  heap: async () => (await import('./heap.js')).heap,
  transaction: async () => (await import('./transaction.js')).transaction,
  interleaved: async () => (await import('./interleaved.js')).interleaved,
  burst: async () => (await import('./burst.js')).burst,
  storm: async () => (await import('./storm.js')).storm,
  context: async () => (await import('./context.js')).context,
  outbox: async () => (await import('./outbox.js')).outbox,
  primitives: async () => (await import('./primitives.js')).primitives,
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    part: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    /** Only in the processes that this one starts: `["pool","fastq","no-op task"]`. */
    round: { type: 'string' },
  },
})

if (values.round === undefined) await runAll(positionals.length > 0 ? positionals : Object.keys(benchmarks))
else await runRound(...(JSON.parse(values.round) as [string, string, ...string[]]))

async function runAll(names: readonly string[]): Promise<void> {
  // Ctrl+C ends the round under way, and with it this process, in good order: there may be a database to drop.
  process.on('SIGINT', () => undefined)
  for (const name of names) {
    const benchmark = await load(name)
    const measure = async (env: NodeJS.ProcessEnv): Promise<void> =>
      print(name, benchmark, await inRounds(name, benchmark, env))
    if (benchmark.needsDatabase) await withDatabase(measure, (reason) => console.error(`${name} is skipped: ${reason}`))
    else await measure(process.env)
  }
}

async function load(name: string): Promise<Benchmark> {
  const benchmark = benchmarks[name]
  if (!benchmark) throw new Error(`There is no benchmark ${name}; there are ${Object.keys(benchmarks).join(', ')}`)
  return await benchmark()
}

async function inRounds(name: string, benchmark: Benchmark, env: NodeJS.ProcessEnv): Promise<Measured> {
  const parts = chosen(benchmark.parts ?? [''], values.part)
  const contestants = await available(name, benchmark)
  const count = once ? 1 : Number(values.rounds ?? benchmark.rounds)
  const turns = pLimit(once && !benchmark.needsDatabase ? 2 : 1)
  const measured: Map<string, Figures>[] = []
  // To see that they work, one process a contestant is enough.
  const processes = contestants.flatMap((contestant) =>
    once ? [{ contestant, own: parts }] : parts.map((part) => ({ contestant, own: [part] })),
  )
  for (let n = 1; n <= count; n++) {
    const figures = new Map<string, Figures>()
    const measure = async ({ contestant, own }: (typeof processes)[number]): Promise<void> => {
      console.error([`${name}, round ${n} of ${count}: ${contestant}`, ...own].filter(Boolean).join(', '))
      const more = await inOwnProcess([name, contestant, ...own], env)
      figures.set(contestant, { ...figures.get(contestant), ...more })
    }
    await Promise.all(shuffled(processes).map((each) => turns(() => measure(each))))
    measured.push(figures)
  }
  return measured
}

async function available(name: string, { contestants, unavailable }: Benchmark): Promise<string[]> {
  const found: string[] = []
  for (const contestant of chosen(contestants, values.only)) {
    const reason = await unavailable?.(contestant)
    if (reason === undefined) found.push(contestant)
    else if (process.env['CI'] === 'true') throw new Error(reason)
    else console.error(`${name} without ${contestant}: ${reason}`)
  }
  return found
}

function chosen(all: readonly string[], names: readonly string[] | undefined): readonly string[] {
  const unknown = names?.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new Error(`There is no ${unknown}; there are: ${all.join('; ')}`)
  return names ?? all
}

function print(name: string, benchmark: Benchmark, measured: Measured): void {
  const results = resultsOf(benchmark, measured)
  if (values.json) return console.log(jsonLines(name, results).join('\n'))
  const how = measured.length === 1 ? '1 round' : `median of ${measured.length} rounds`
  console.log(`\n${name}: ${benchmark.title}\nNode ${process.version}, ${how}\n\n${table(results)}`)
  if (benchmark.overview) console.log(`\n${overview(benchmark, measured)}`)
}

async function inOwnProcess(round: readonly string[], env: NodeJS.ProcessEnv): Promise<Figures> {
  const args = ['--expose-gc', ...process.execArgv, process.argv[1] ?? '', '--round', JSON.stringify(round)]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env })
  process.stderr.write(stderr)
  return JSON.parse(stdout) as Figures
}

async function runRound(name: string, contestant: string, ...parts: string[]): Promise<void> {
  process.setSourceMapsEnabled(false) // or the stack of every error is looked up
  const benchmark = await load(name)
  const figures: Figures = {}
  for (const part of parts) Object.assign(figures, await benchmark.round(contestant, part))
  console.log(JSON.stringify(figures))
  process.exit() // whatever is left: a pool that never ends, a timer of 30 seconds
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item)
}
