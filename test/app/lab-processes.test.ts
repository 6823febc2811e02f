// What the limits lab shows with several processes, and the command that runs it.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Shown } from '../../src/app/lab/limit.js'
import { clsHooked } from '../../src/app/lab/limits/cls-hooked.js'
import { inside } from '../../src/app/lab/limits/inside.js'
import { instances } from '../../src/app/lab/limits/instances.js'
import { sigkill } from '../../src/app/lab/limits/sigkill.js'
import { sigterm } from '../../src/app/lab/limits/sigterm.js'
import { commands } from './command.js'
import { labs } from './open-lab.js'

const lab = await labs()

describe('the limits lab shows that', () => {
  it('inside the request a partner decides how long it takes and whether it fails, and after the commit it does not', async () => {
    const { logins, latency, inside: before, after } = await inside.run(lab())
    assert.ok(before.milliseconds >= latency, `it took ${before.milliseconds} ms`)
    assert.equal(before.failed, logins)
    assert.ok(after.milliseconds < before.milliseconds, `it took ${after.milliseconds} ms`)
    assert.equal(after.failed, 0)
  })

  it('SIGKILL loses what is pending in memory, and nothing that is in the outbox', async () => {
    const { logins, memory, outbox } = await sigkill.run(lab())
    assert.deepEqual([memory.lost, outbox.lost], [logins, 0])
  })

  it('SIGTERM loses everything where nobody expects it, and nothing where close() does', async () => {
    const { logins, ...results } = await sigterm.run(lab())
    assert.deepEqual(results, {
      unexpected: { lost: logins, recorded: 0 },
      withoutGrace: { lost: 0, recorded: logins },
      withGrace: { lost: 0, recorded: 0 },
    })
  })

  it('an instance cannot help another one from memory, and from the outbox each message is handled by one of them', async () => {
    const { memory, outbox } = await instances.run(lab())
    assert.deepEqual(memory, { a: 40, b: 0 })
    assert.ok(outbox.a > 0 && outbox.b > 0, `${outbox.a} and ${outbox.b}`)
    assert.equal(outbox.twice, 0)
    assert.equal((outbox.a + outbox.b) % 40, 0)
  })

  it('cls-hooked keeps an entry for each await, and AsyncLocalStorage none', async () => {
    const { storage, namespace } = await clsHooked.run(lab())
    assert.deepEqual([storage.entries, namespace.entries], [0, 1])
    for (const { transaction, await: awaiting } of [storage, namespace]) assert.ok(transaction > 0 && awaiting > 0)
  })
})

describe('npm run limits', () => {
  const command = commands(new URL('../../src/app/lab.ts', import.meta.url), 'after-commit-lab-')

  it('runs those that are named, says how far it is, and leaves nothing behind', async () => {
    const { exit, output } = command.start({ args: ['rollback', '--json'] })
    assert.deepEqual(await exit, [0, null], output())
    const { limits } = JSON.parse(output('stdout')) as { limits: Shown[] }
    assert.deepEqual(
      limits.map(({ name, rung }) => [name, rung]),
      [['rollback', 1]],
    )
    assert.match(output('stderr'), /1\/1 {2}rollback/)
    await command.hasLeftNothing()
  })

  it('says which limits there are where one is not known', async () => {
    const { exit, output } = command.start({ args: ['sigkil'] })
    assert.deepEqual(await exit, [2, null])
    assert.match(output('stderr'), /There is no limit sigkil: .*\bsigkill\b/)
  })

  it('leaves nothing behind when it is interrupted', async () => {
    const { exit, output, child, said } = command.start({ args: ['rollback', 'sigterm'] })
    await said('1/2  rollback')
    assert.equal(child.kill('SIGINT'), true)
    assert.deepEqual(await exit, [130, null], output())
    assert.match(output(), /Interrupted/)
    await command.hasLeftNothing()
  })
})
