import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { prismaFailureLog } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { record } from './record.js'

const child = fileURLToPath(new URL('race.child.ts', import.meta.url))

describe('Two processes that retry the same failures at once', () => {
  forEachDatabase((db) => {
    for (const how of ['retry', 'retryAll'] as const) {
      test(`run each of 200 once, by \`${how}\``, async () => {
        await db.reset()
        const client = db.newClient()
        const ids = Array.from({ length: 200 }, () => randomUUID())
        const records = ids.map((id) => record({ id, task: 'races', payload: JSON.stringify(id) }))
        await prismaFailureLog(() => client).write(records)

        const execArgv = ['--conditions=source', '--import', 'tsx']
        const processes = [1, 2].map(() => fork(child, [db.provider, db.url, how, ...ids], { execArgv }))
        await Promise.all(processes.map((one) => once(one, 'message'))) // both are ready
        const reports = processes.map(async (one) => {
          const exited = once(one, 'exit')
          const [report] = (await once(one, 'message')) as [{ ran: string[]; refused: number }]
          assert.deepEqual(await exited, [0, null])
          return report
        })
        for (const one of processes) one.send('go')
        const [first, second] = await Promise.all(reports)

        assert.ok(first && second)
        assert.deepEqual([...first.ran, ...second.ran].toSorted(), ids.toSorted())
        if (how === 'retry') assert.equal(first.refused + second.refused, 200)
        const rows = await db.query('SELECT "status", count(*) AS n FROM "TaskFailure" GROUP BY "status"')
        assert.deepEqual(
          rows.map((row) => Object.values(row)),
          [['retried', 200]],
        )
      })
    }
  })
})
