import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import request from 'supertest'
import { connect, migrateDatabase } from '../../src/app/database.js'
import { prepareDatabase } from '../../src/app/prepare-database.js'
import { forEachDatabase } from '../support/databases.js'
import { until } from '../support/wait.js'
import { type Shop, openShop, present } from './shop.js'

describe('a missing table', () => {
  let folder: string
  let shop: Shop
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'after-commit-missing-'))
    const url = `file:${join(folder, 'shop.db')}`
    await migrateDatabase(url)
    const prisma = connect(url)
    await prisma.$executeRaw`DROP TABLE "TaskFailure"`
    await prisma.$disconnect()
    shop = await openShop({}, url)
  })
  after(async () => {
    await shop.close()
    await rm(folder, { recursive: true })
  })

  it('of the failure log is reported at start, with the model to paste', async () => {
    const line = await until(async () =>
      (await shop.log()).find(({ msg }) => String(msg).startsWith('the failure log is not usable')),
    )
    assert.match(String(line['msg']), /model TaskFailure \{/)
  })

  it('of the failure log loses no failure: the complete record is in the log, and the shop goes on', async () => {
    shop.partners.each.points.configure({ failureRate: 1 })
    const { id: userId, email } = present(shop.data.users[1])
    await request(shop.app).post('/logins').set('x-request-id', 'unlucky').send({ email }).expect(201)
    await shop.afterCommit.idle()
    const line = (await shop.log()).find(({ level }) => level === 60)
    const text = JSON.stringify(line)
    assert.match(text, /give-points/)
    assert.match(text, /unlucky/)
    assert.match(text, new RegExp(`userId\\\\*":${userId}`))
    await request(shop.app).get('/courses').expect(200)
  })

  forEachDatabase(
    (db) => {
      it('of the shop is reported before the first request, with what to do', async () => {
        await db.execute('DROP TABLE "User" CASCADE')
        await assert.rejects(prepareDatabase(db.newClient(), db.url), /npx prisma migrate deploy/)
      })
    },
    { only: ['postgresql'] },
  )
})
