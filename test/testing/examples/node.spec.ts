// file: node.spec.ts
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { inline, testTransaction } from 'after-commit/testing'
import { afterCommit, mail, prisma, signUp } from './shop.js'

const database = testTransaction(afterCommit, prisma)
beforeEach(() => database.begin())
afterEach(() => database.rollback())

for (const time of ['once', 'again, because nothing of the first time is left']) {
  test(`welcomes who signs up, ${time}`, async (t) => {
    const welcome = t.mock.method(mail, 'welcome', async () => undefined)
    const tasks = inline(afterCommit)
    await signUp('cleo@example.com', database.client)
    tasks.restore()
    assert.deepEqual(welcome.mock.calls[0]?.arguments, ['cleo@example.com'])
    assert.equal(await database.client.user.count({ where: { email: 'cleo@example.com' } }), 1)
  })
}
