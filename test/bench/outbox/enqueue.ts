import { type Figures, once } from '../benchmark.js'
import { type Connections, type JobSystem, parallel, transact, transactRaw } from './job-system.js'
import { lost } from './until.js'

export const kept = 'rate kept, Prisma'
export const keptRaw = 'rate kept, pg'
export const bareRate = 'bare transactions a second, Prisma'
export const bareRawRate = 'bare transactions a second, pg'

/** The share of the rate of a transaction of one row that is left when it also stores a message: slices of both take turns. */
export async function enqueue(system: JobSystem, { prisma, pool }: Connections, slices: number): Promise<Figures> {
  const size = once ? 20 : 100
  let next = 0
  const slice = async (run: (n: number) => Promise<void>): Promise<number> => {
    const start = performance.now()
    let left = size
    const loop = async (): Promise<void> => {
      while (left-- > 0) await run(next++)
    }
    await Promise.all(Array.from({ length: parallel }, loop))
    return performance.now() - start
  }
  const compare = async (bare: (n: number) => Promise<void>, storing: (n: number) => Promise<void>) => {
    const sums = { bare: 0, storing: 0 }
    for (let n = 0; n < 2 * slices; n++) {
      // The one that went second goes first.
      for (const name of n % 2 === 0 ? (['bare', 'storing'] as const) : (['storing', 'bare'] as const)) {
        const took = await slice(name === 'bare' ? bare : storing)
        if (n >= slices / 2) sums[name] += took
      }
    }
    return { share: sums.bare / sums.storing, rate: (1.5 * slices * size * 1e3) / sums.bare }
  }
  const withPrisma = await compare(
    (n) => transact(prisma, n),
    (n) => system.transact(n),
  )
  const withPg = await compare(
    (n) => transactRaw(pool, n),
    (n) => system.transactRaw(n),
  )
  const [stored, left] = [next / 2, await system.left()]
  if (left !== stored) lost(`${stored} were stored, and ${left} are there`)
  return {
    [kept]: withPrisma.share,
    [bareRate]: withPrisma.rate,
    [keptRaw]: withPg.share,
    [bareRawRate]: withPg.rate,
  }
}
