import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import request from 'supertest'
import { type Shop, openShop, present } from './shop.js'

describe('the HTTP face of the shop', () => {
  let shop: Shop
  before(async () => {
    shop = await openShop()
  })
  after(() => shop.close())

  const errorOf = async (path: string, body: object | string) => {
    const response = await request(shop.app).post(path).set('content-type', 'application/json').send(body)
    return { status: response.status, ...(response.body as { error: { code: string; message: string } }).error }
  }
  const unknown = 1_000_000

  it('answers 400 with what was expected and what came', async () => {
    const wrong: [path: string, body: object | string, message: RegExp][] = [
      ['/logins', {}, /email to be an e-mail address, got undefined/],
      ['/logins', { email: 'nobody' }, /email to be an e-mail address, got "nobody"/],
      ['/logins', '[]', /email to be an e-mail address/],
      ['/logins', '{"email":', /JSON/],
      ['/orders', { buyerId: 1.5, courseId: 1 }, /buyerId to be a positive integer, got 1.5/],
      ['/orders', { buyerId: 1, courseId: 2 ** 31 }, /courseId to be a positive integer/],
      ['/finished-lessons', { userId: null, lessonId: 1 }, /userId to be a positive integer, got null/],
      ['/courses/first/publication', {}, /courseId to be a positive integer, got "first"/],
      ['/verification-codes', { userId: [] }, /userId to be a positive integer/],
    ]
    for (const [path, body, message] of wrong) {
      const error = await errorOf(path, body)
      assert.equal(error.status, 400, path)
      assert.match(error.message, message)
    }
    assert.equal((await errorOf('/logins', { email: 'x'.repeat(20_000) })).status, 413)
  })

  it('answers 404 for what does not exist', async () => {
    const userId = present(shop.data.users[0]).id
    const courseId = present(shop.data.courses[0]).id
    const missing: [path: string, body: object][] = [
      ['/logins', { email: 'nobody@shop.example' }],
      ['/orders', { buyerId: unknown, courseId }],
      ['/orders', { buyerId: userId, courseId: unknown }],
      ['/orders', { buyerId: userId, courseId: present(shop.data.drafts[0]).id }],
      ['/finished-lessons', { userId, lessonId: unknown }],
      ['/finished-lessons', { userId, lessonId: present(shop.data.courses[1]?.lessonIds[0]) }],
      [`/courses/${unknown}/publication`, {}],
      ['/verification-codes', { userId: unknown }],
      ['/nothing', {}],
    ]
    for (const [path, body] of missing) assert.equal((await errorOf(path, body)).status, 404, JSON.stringify(body))
    assert.equal(shop.afterCommit.stats().accepted, 0)
  })

  it('answers 409 to a user without a phone number who wants a code', async () => {
    const { id } = await shop.prisma.user.create({ data: { name: 'Nele', email: 'nele@shop.example' } })
    const { status, code } = await errorOf('/verification-codes', { userId: id })
    assert.deepEqual({ status, code }, { status: 409, code: 'ConflictError' })
  })

  it('answers 500 without details to what nobody expected, and logs them with the request id', async () => {
    await shop.prisma.$executeRawUnsafe('ALTER TABLE "VerificationCode" RENAME TO "Elsewhere"')
    const response = await request(shop.app)
      .post('/verification-codes')
      .set('x-request-id', 'unexpected')
      .send({ userId: present(shop.data.users[1]).id })
    await shop.prisma.$executeRawUnsafe('ALTER TABLE "Elsewhere" RENAME TO "VerificationCode"')
    assert.equal(response.status, 500)
    assert.doesNotMatch(response.text, /VerificationCode/)
    const lines = (await shop.log()).filter((line) => line['requestId'] === 'unexpected')
    assert.match(JSON.stringify(lines), /VerificationCode/)
  })

  it('gives a request an id of its own where the header is missing or could not be stored', async () => {
    for (const sent of ['', 'a b', 'x'.repeat(101)]) {
      const response = await request(shop.app).get('/courses').set('x-request-id', sent)
      assert.match(response.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
    }
    const response = await request(shop.app).get('/courses').set('x-request-id', 'my-id.1:2_3')
    assert.equal(response.get('x-request-id'), 'my-id.1:2_3')
  })

  it('shows the courses, and the counters of the task runner', async () => {
    const courses = await request(shop.app).get('/courses').expect(200)
    assert.equal((courses.body as unknown[]).length > 4, true)
    const stats = await request(shop.app).get('/stats').expect(200)
    assert.equal((stats.body as { pending: number }).pending, 0)
  })
})
