// npm run chaos                       every scenario on every database that answers; two minutes of kills on each
// npm run chaos -- killed stopped     those whose names have one of these in them
// CHAOS_SEED=17 npm run chaos         the same workload and the same victims again; a new seed each time is the default
// CHAOS_SECONDS=10 CHAOS_ROUNDS=3     how long the scenarios that last go on, and how often all of them are run
// CHAOS_SHORT=1                       each scenario on one database, in turns by the seed, but for the kills
// TEST_DATABASES=postgresql           on these only
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import pLimit from 'p-limit'
import { dropAll, servers, unavailable, type Server } from '../support/servers.js'
import { Arena } from './arena.js'
import { faultsOf, type Verdict } from './checker.js'
import { attemptsOf, lineOf, table } from './report.js'
import type { Scenario } from './scenario.js'
import { scenarios } from './scenarios/all.js'

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000)
const seconds = Number(process.env['CHAOS_SECONDS'] ?? 120)
const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 1)
const isShort = process.env['CHAOS_SHORT'] === '1'
const parts = process.argv.slice(2)

const there = await available()
console.log(`CHAOS_SEED=${seed} CHAOS_SECONDS=${seconds} CHAOS_ROUNDS=${rounds}${isShort ? ' CHAOS_SHORT=1' : ''}`)
const lines: (readonly string[])[] = []
for (let round = 0; round < rounds; round++) {
  const atOnce = pLimit(availableParallelism() + 1)
  const asked = scenarios.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
  const runs = asked.flatMap((scenario, index) =>
    databasesOf(scenario, index + seed).map((server) => atOnce(() => runOne(scenario, server, seed + round))),
  )
  lines.push(...(await Promise.all(runs)))
}
await dropAll()
console.log(`\n${table(lines)}`)
if (lines.length === 0) process.exitCode = 1

async function available(): Promise<Server[]> {
  const reasons = await Promise.all(servers.map(unavailable))
  for (const reason of reasons) if (reason !== undefined) console.log(`${reason}: left out`)
  if (process.env['CI'] === 'true' && reasons.some((reason) => reason !== undefined)) process.exitCode = 1
  return servers.filter((_, index) => reasons[index] === undefined)
}

function databasesOf({ on, isForAll }: Scenario, turn: number): readonly Server[] {
  const all = there.filter(({ name }) => on.includes(name))
  return isShort && !isForAll ? all.slice(turn % all.length).slice(0, 1) : all
}

async function runOne(scenario: Scenario, server: Server, seedOfRound: number): Promise<readonly string[]> {
  const at = performance.now()
  const arena = await Arena.open({ server, seed: seedOfRound, seconds })
  let verdict: Verdict | undefined
  let faults: string[]
  try {
    verdict = await scenario.run(arena)
    faults = scenario.isInMemory ? [] : faultsOf(verdict)
  } catch (error) {
    faults = [error instanceof Error ? (error.stack ?? error.message) : String(error)]
  }
  const took = ((performance.now() - at) / 1_000).toFixed(1)
  console.log(`${server.name}: ${scenario.name}: ${faults.length === 0 ? 'ok' : 'BROKEN'}, ${took} s`)
  const line = lineOf(scenario, server, verdict, arena.ledger.read(), faults.length === 0)
  if (faults.length === 0) rmSync(dirname(arena.ledger.file), { recursive: true })
  else {
    process.exitCode = 1
    console.log(`${faults.slice(0, 20).join('\n')}\nCHAOS_SEED=${seedOfRound}, ledger: ${arena.ledger.file}`)
    console.log(attemptsOf(arena.ledger.read(), faults))
  }
  await arena.close()
  return line
}
