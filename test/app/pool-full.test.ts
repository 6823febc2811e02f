import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import request from 'supertest'
import { type Shop, openShop, present } from './shop.js'

describe('the shop while its pool is full', () => {
  let shop: Shop
  before(async () => {
    shop = await openShop({ MAX_PENDING: '1' })
    shop.partners.each.sms.configure({ latency: 60_000 })
    await post('/verification-codes', { userId: present(shop.data.users[1]).id }, 'first-code').expect(201)
    assert.equal(shop.afterCommit.stats().pending, 1)
  })
  after(() => shop.close())

  const post = (path: string, body: object, requestId: string) =>
    request(shop.app).post(path).set('x-request-id', requestId).send(body)

  it('answers 503 with Retry-After to what is refused, and rolls it back', async () => {
    const response = await post('/verification-codes', { userId: present(shop.data.users[2]).id }, 'second-code')
    assert.equal(response.status, 503)
    assert.equal(response.get('retry-after'), '1')
    assert.equal((response.body as { error: { code: string } }).error.code, 'ERR_POOL_FULL')
    assert.equal(await shop.prisma.verificationCode.count({ where: { requestId: 'second-code' } }), 0)
  })

  it('answers 201 to what is recorded, whose row says rejected', async () => {
    const { id: userId, email } = present(shop.data.users[3])
    await post('/logins', { email }, 'login').expect(201)
    assert.equal(await shop.prisma.pointEntry.count({ where: { requestId: 'login' } }), 1)

    // The task that fills the pool ends too: its partner hangs up, and then it cannot be reached.
    shop.partners.each.sms.configure({ down: true })
    await shop.afterCommit.idle()
    const failure = await shop.prisma.taskFailure.findFirstOrThrow({ where: { requestId: 'login' } })
    assert.equal(failure.status, 'rejected')
    assert.equal(failure.attempts, 0)
    const payload: unknown = JSON.parse(present(failure.payload))
    assert.deepEqual(payload, { requestId: 'login', userId, amount: 1, reason: 'login' })
    assert.deepEqual(await shop.partners.each.points.received(), [])
  })
})
