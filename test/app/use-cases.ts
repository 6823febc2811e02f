import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import request from 'supertest'
import type { PartnerName } from '../../src/app/partners/start.js'
import { type Shop, present } from './shop.js'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** What every use case promises, on one database. */
export function describeUseCases(open: () => Promise<Shop>): void {
  describe('a use case of the shop', () => {
    let shop: Shop
    before(async () => {
      shop = await open()
    })
    after(() => shop.close())
    beforeEach(() => Object.values(shop.partners.each).forEach((partner) => partner.forget()))

    const post = (path: string, body: object, requestId: string) =>
      request(shop.app).post(path).set('x-request-id', requestId).send(body)

    /** Waits until the tasks are done and answers what the partners received, as `partner: body`. */
    const deliveries = async () => {
      await shop.afterCommit.idle()
      const all = Object.entries(shop.partners.each).map(async ([name, partner]) =>
        (await partner.received()).map(({ body, key, times }) => ({ partner: name, body, key, times })),
      )
      return (await Promise.all(all)).flat()
    }
    const expectOneDelivery = async (partner: PartnerName, body: object) => {
      const [delivery, ...more] = await deliveries()
      assert.deepEqual(more, [])
      assert.equal(delivery?.partner, partner)
      assert.equal(delivery.times, 1)
      assert.match(delivery.key, uuid)
      assert.deepEqual(delivery.body, body)
    }
    const rowsOf = async (requestId: string) => {
      const where = { requestId }
      const [points, orders, courses, codes, failures] = await Promise.all([
        shop.prisma.pointEntry.count({ where }),
        shop.prisma.order.count({ where }),
        shop.prisma.course.count({ where }),
        shop.prisma.verificationCode.count({ where }),
        shop.prisma.taskFailure.count({ where }),
      ])
      return { points, orders, courses, codes, failures }
    }
    const expectNothing = async (requestId: string) => {
      assert.deepEqual(await deliveries(), [])
      assert.deepEqual(await rowsOf(requestId), { points: 0, orders: 0, courses: 0, codes: 0, failures: 0 })
    }
    const user = (index: number) => present(shop.data.users[index])
    const lesson = (index: number) => present(shop.data.courses[0]?.lessonIds[index])

    it('gives points for a login after its commit', async () => {
      const { id: userId, email } = user(1)
      const response = await post('/logins', { email }, 'login-1')
      assert.equal(response.status, 201)
      assert.equal(response.get('x-request-id'), 'login-1')
      await expectOneDelivery('points', { requestId: 'login-1', userId, amount: 1, reason: 'login' })
      assert.equal((await rowsOf('login-1')).points, 1)
    })

    it('notifies the seller of an order after its commit', async () => {
      const course = present(shop.data.courses[1])
      const buyer = await shop.prisma.user.findUniqueOrThrow({ where: { id: user(2).id } })
      const { title, authorId } = await shop.prisma.course.findUniqueOrThrow({ where: { id: course.id } })
      const response = await post('/orders', { buyerId: buyer.id, courseId: course.id }, 'order-1')
      assert.equal(response.status, 201)
      const text = `${buyer.name} bought ${title}`
      await expectOneDelivery('push', { requestId: 'order-1', userId: authorId, text })
      assert.equal((await rowsOf('order-1')).orders, 1)
    })

    it('gives points for a finished lesson after its commit', async () => {
      const { id: userId } = user(1)
      const response = await post('/finished-lessons', { userId, lessonId: lesson(0) }, 'lesson-1')
      assert.equal(response.status, 201)
      const reason = `finished lesson ${lesson(0)}`
      await expectOneDelivery('points', { requestId: 'lesson-1', userId, amount: 5, reason })
      assert.equal((await rowsOf('lesson-1')).points, 1)
    })

    it('indexes a published course after its commit', async () => {
      const { id: courseId } = present(shop.data.drafts[0])
      const response = await post(`/courses/${courseId}/publication`, {}, 'course-1')
      assert.equal(response.status, 201)
      await expectOneDelivery('search', { requestId: 'course-1', courseId, title: 'Draft 1', price: 40 })
      assert.equal((await rowsOf('course-1')).courses, 1)
    })

    it('sends a verification code after its commit', async () => {
      const { id } = user(3)
      const response = await post('/verification-codes', { userId: id }, 'code-1')
      assert.equal(response.status, 201)
      const { phone } = await shop.prisma.user.findUniqueOrThrow({ where: { id } })
      const { code } = await shop.prisma.verificationCode.findFirstOrThrow({ where: { requestId: 'code-1' } })
      await expectOneDelivery('sms', { requestId: 'code-1', phone, text: `Your code is ${code}` })
    })

    it('notifies nobody of an order that is sold out', async () => {
      const { id: courseId } = present(shop.data.nearlySoldOut[0])
      await shop.prisma.course.update({ where: { id: courseId }, data: { seatsLeft: 0 } })
      const response = await post('/orders', { buyerId: user(1).id, courseId }, 'order-sold-out')
      assert.equal(response.status, 409)
      await expectNothing('order-sold-out')
    })

    it('notifies nobody of an order for what the buyer has already', async () => {
      const { id: courseId } = present(shop.data.courses[0])
      const response = await post('/orders', { buyerId: user(1).id, courseId }, 'order-twice')
      assert.equal(response.status, 409)
      await expectNothing('order-twice')
    })

    it('gives no points for a lesson that is finished already, or whose turn has not come', async () => {
      const { id: userId } = user(4)
      await post('/finished-lessons', { userId, lessonId: lesson(0) }, 'lesson-first').expect(201)
      await deliveries()
      shop.partners.each.points.forget()
      await post('/finished-lessons', { userId, lessonId: lesson(0) }, 'lesson-twice').expect(409)
      await expectNothing('lesson-twice')
      await post('/finished-lessons', { userId, lessonId: lesson(3) }, 'lesson-too-early').expect(409)
      await expectNothing('lesson-too-early')
    })

    it('indexes no course that is published already, or has no lessons', async () => {
      await post(`/courses/${present(shop.data.courses[0]).id}/publication`, {}, 'course-twice').expect(409)
      await expectNothing('course-twice')
      await post(`/courses/${present(shop.data.emptyDrafts[0]).id}/publication`, {}, 'course-empty').expect(409)
      await expectNothing('course-empty')
    })

    it('sends no fourth code while three are still good', async () => {
      const { id: userId } = user(5)
      for (const number of [1, 2, 3]) await post('/verification-codes', { userId }, `code-${number}-of-3`).expect(201)
      await deliveries()
      shop.partners.each.sms.forget()
      await post('/verification-codes', { userId }, 'code-4-of-3').expect(429)
      await expectNothing('code-4-of-3')
    })

    it('sells the last seat once to twenty buyers at the same time', async () => {
      const { id: courseId } = present(shop.data.nearlySoldOut[1])
      const buyers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          shop.prisma.user.create({ data: { name: `Buyer ${index}`, email: `buyer${index}@shop.example` } }),
        ),
      )
      const responses = await Promise.all(
        buyers.map(({ id }, index) => post('/orders', { buyerId: id, courseId }, `last-seats-${index}`)),
      )
      const sold = responses.filter(({ status }) => status === 201).map((response) => response.get('x-request-id'))
      assert.equal(sold.length, 2)
      assert.equal(responses.filter(({ status }) => status === 409).length, 18)
      const told = (await deliveries()).map(({ body }) => (body as { requestId: string }).requestId)
      assert.deepEqual(new Set(told), new Set(sold))
      assert.equal(told.length, 2)
      const orders = await shop.prisma.order.findMany({ where: { courseId } })
      assert.deepEqual(new Set(orders.map(({ requestId }) => requestId)), new Set(told))
    })

    it('answers a login while the points partner is down, and records the task with its payload and request', async () => {
      const { id: userId, email } = user(6)
      shop.partners.each.points.configure({ down: true })
      await post('/logins', { email }, 'login-down').expect(201)
      await shop.afterCommit.idle()
      shop.partners.each.points.configure({ down: false })

      const [failure, ...more] = await shop.prisma.taskFailure.findMany({ where: { requestId: 'login-down' } })
      assert.deepEqual(more, [])
      assert.equal(failure?.task, 'give-points')
      assert.equal(failure.status, 'failed')
      assert.equal(failure.attempts, 4)
      const payload: unknown = JSON.parse(present(failure.payload))
      assert.deepEqual(payload, { requestId: 'login-down', userId, amount: 1, reason: 'login' })
      assert.deepEqual(await deliveries(), [])
      assert.equal((await rowsOf('login-down')).points, 1)
    })

    it('records a failed closure without a payload, but with its request', async () => {
      shop.partners.each.search.configure({ failureRate: 1 })
      await post(`/courses/${present(shop.data.drafts[1]).id}/publication`, {}, 'course-down').expect(201)
      await shop.afterCommit.idle()
      shop.partners.each.search.configure({ failureRate: 0 })
      const failure = await shop.prisma.taskFailure.findFirstOrThrow({ where: { requestId: 'course-down' } })
      assert.equal(failure.task, 'index-course')
      assert.equal(failure.payload, null)
      assert.match(failure.errorMessage ?? '', /answered 500: .*not well today/)
    })

    it('keeps the same idempotency key through the attempts of a task', async () => {
      shop.partners.each.points.configure({ down: true })
      const retries: string[] = []
      const stopListening = shop.afterCommit.on('retrying', ({ task }) => {
        retries.push(task.id)
        shop.partners.each.points.configure({ down: false })
      })
      await post('/logins', { email: user(7).email }, 'login-retried').expect(201)
      const [delivery] = await deliveries()
      stopListening()
      assert.deepEqual(retries, [delivery?.key])
      await expectOneDelivery('points', { requestId: 'login-retried', userId: user(7).id, amount: 1, reason: 'login' })
    })
  })
}
