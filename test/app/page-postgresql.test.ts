import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import request from 'supertest'
import { connect } from '../../src/app/database.js'
import { rungs } from '../../src/app/page/events.js'
import { startPage } from '../../src/app/page/start.js'
import { addSampleData } from '../../src/app/sample-data.js'
import { forEachDatabase } from '../support/databases.js'
import { listenTo } from './page-events.js'

forEachDatabase(
  (db) => {
    it('lets all rungs of the page share a database of its owner, and loses nothing of its outbox', async (t) => {
      const prisma = connect(db.url)
      await addSampleData(prisma)
      await prisma.$disconnect()
      const page = await startPage({ databaseUrl: db.url })
      t.after(() => page.close())
      const events = listenTo(page.url)
      const login = (rung: string) =>
        request(page.url).post(`/shop/${rung}/logins`).send({ email: 'ada1@shop.example' }).expect(201)
      for (const rung of rungs) {
        await login(rung)
        await events.books(rung, { owed: 1, delivered: 1 })
      }
      page.worlds.partners.each.points.configure({ latency: 600_000 })
      await Promise.all(Array.from({ length: 8 }, () => login('outbox')))
      await request(page.url).post('/page/rungs/outbox/processes/A/kill').expect(200)
      page.worlds.partners.each.points.configure({ latency: 0, down: true })
      page.worlds.partners.each.points.configure({ down: false })
      const books = await events.books('outbox', { owed: 9, delivered: 9, stored: 0 })
      assert.deepEqual([books.lost, books.cameBack], [0, 8])
      assert.deepEqual(await db.query('SELECT "id" FROM "OutboxMessage"'), [])
      events.close()
    })

    it('sees a failure whose row is written long after its task has ended', async (t) => {
      const prisma = connect(db.url)
      t.after(() => prisma.$disconnect())
      if ((await prisma.user.count()) === 0) await addSampleData(prisma)
      const page = await startPage({ databaseUrl: db.url })
      t.after(() => page.close())
      const events = listenTo(page.url)
      page.worlds.partners.each.points.configure({ down: true })
      await prisma.$transaction(
        async (tx) => {
          await tx.$executeRawUnsafe('LOCK TABLE "TaskFailure" IN SHARE ROW EXCLUSIVE MODE')
          await request(page.url).post('/shop/after/logins').send({ email: 'ada1@shop.example' }).expect(201)
          await events.until((happenings) => happenings.some((each) => each.kind === 'task' && each.step === 'failed'))
          const { length } = await events.books('after', { owed: 1, inMemory: 1 }).then(() => events.happenings)
          await delay(1_000) // the page looks into the tables three times a second, as long as something happens
          assert.equal(
            events.happenings.slice(length).some(({ kind }) => kind === 'books'),
            false,
          )
        },
        { timeout: 60_000 },
      )
      await events.books('after', { owed: 1, failed: 1, inMemory: 0 })
      events.close()
    })

    it('says what to do where there are no tables', async () => {
      await db.execute('ALTER TABLE "User" RENAME TO "Elsewhere"')
      await assert.rejects(startPage({ databaseUrl: db.url }), /npx prisma migrate deploy/)
      await db.execute('ALTER TABLE "Elsewhere" RENAME TO "User"')
    })
  },
  { only: ['postgresql'] },
)
