// The tasks of a round: each does what its message says, and writes it down.
import { setTimeout as delay } from 'node:timers/promises'
import { defineTask, type DefinedTask, type TaskContext } from '../../src/index.js'
import type { Ledger } from './ledger.js'
import type { Orders } from './orders.js'
import type { Work } from './workload.js'

export interface HandlerSettings {
  readonly ledger: Ledger
  /** Has the effect of a message. @returns Whether it was this time. */
  readonly effect: (work: Work, context: TaskContext) => Promise<boolean>
  /** Resolves when handlers may go on from there. */
  readonly passes: (point: NonNullable<Orders['holds']>) => Promise<unknown> | undefined
  readonly failsFirst: number
  readonly durable: boolean
}

export function tasksOf({
  ledger,
  effect,
  passes,
  failsFirst,
  durable,
}: HandlerSettings): Record<Work['task'], DefinedTask<Work>> {
  let toFail = failsFirst
  const handle = async (work: Work, context: TaskContext): Promise<void> => {
    const { attempt, messageId = context.id } = context
    const about = { message: work.name, messageId, attempt }
    ledger.write({ what: 'started', ...about })
    if (work.kills === 'before') die()
    try {
      await passes('before effect')
      await delay(work.takes)
      if (toFail-- > 0 || attempt <= work.fails) throw new Error('as its message says')
      const isFirst = await effect(work, context)
      await passes('after effect')
      ledger.write({ what: 'ended', ...about, effect: isFirst })
      if (work.kills === 'after' && isFirst) die()
    } catch (error) {
      ledger.write({ what: 'failed', ...about, error: String(error) })
      throw error
    }
  }
  const die = (): void => {
    ledger.write({ what: 'kill' })
    process.kill(process.pid, 'SIGKILL')
  }
  return {
    keyed: defineTask('keyed', handle, { durable, key: ({ key }) => key }),
    loose: defineTask('loose', handle, { durable }),
    extra: defineTask('extra', handle, { durable }),
  }
}
