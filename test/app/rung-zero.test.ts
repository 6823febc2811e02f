import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import request from 'supertest'
import { type Shop, openShop, present } from './shop.js'

describe('the shop that calls its partners inside the transaction', () => {
  let shop: Shop
  before(async () => {
    shop = await openShop({ PARTNERS: 'inside' })
  })
  after(() => shop.close())
  beforeEach(() => Object.values(shop.partners.each).forEach((partner) => partner.forget()))

  const post = (path: string, body: object, requestId: string) =>
    request(shop.app).post(path).set('x-request-id', requestId).send(body)
  const user = (index: number) => present(shop.data.users[index])

  it('calls the partner before it answers, and registers no task', async () => {
    const { id: userId, email } = user(1)
    await post('/logins', { email }, 'login').expect(201)
    const [delivery, ...more] = await shop.partners.each.points.received()
    assert.deepEqual(more, [])
    assert.deepEqual(delivery?.body, { requestId: 'login', userId, amount: 1, reason: 'login' })
    assert.equal(shop.afterCommit.stats().accepted, 0)
  })

  it('also calls from a closure', async () => {
    const { id: courseId } = present(shop.data.drafts[0])
    await post(`/courses/${courseId}/publication`, {}, 'course').expect(201)
    const [delivery] = await shop.partners.each.search.received()
    assert.deepEqual(delivery?.body, { requestId: 'course', courseId, title: 'Draft 1', price: 40 })
  })

  it('fails the login when the points partner is down, and stores nothing', async () => {
    shop.partners.each.points.configure({ down: true })
    const response = await post('/logins', { email: user(2).email }, 'login-down')
    shop.partners.each.points.configure({ down: false })
    assert.equal(response.status, 502)
    assert.equal(await shop.prisma.pointEntry.count({ where: { requestId: 'login-down' } }), 0)
  })

  it('cannot take back what it sent for an order that rolls back', async () => {
    const { id: courseId } = present(shop.data.nearlySoldOut[0])
    await shop.prisma.course.update({ where: { id: courseId }, data: { seatsLeft: 0 } })
    await post('/orders', { buyerId: user(3).id, courseId }, 'order-sold-out').expect(409)
    const deliveries = await shop.partners.each.push.received()
    assert.match(JSON.stringify(deliveries), /"requestId":"order-sold-out"/)
    assert.equal(await shop.prisma.order.count({ where: { requestId: 'order-sold-out' } }), 0)
  })
})
