import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { commands, urlOfNobody } from './command.js'

describe('the demo', () => {
  const demo = commands(new URL('../../src/app/demo.ts', import.meta.url), 'after-commit')
  const start = () => demo.start({ env: { DEMO_REQUESTS: '40' } })

  it('prints one table, finds the promise kept, and leaves nothing behind', async () => {
    const { exit, output } = start()
    assert.deepEqual(await exit, [0, null], output())
    const numbersOf = (label: string) => {
      const lines = output().split('\n')
      const line = lines.find((candidate) => candidate.startsWith(label)) ?? assert.fail(`no ${label}:\n${output()}`)
      return line.slice(label.length).trim().split(/ {2,}/)
    }
    assert.deepEqual(numbersOf('requests'), ['40', '40'])
    assert.deepEqual(numbersOf('committed, but neither ran nor has a record').at(-1), '0')
    assert.deepEqual(numbersOf('ran, but nothing was committed').at(-1), '0')
    assert.match(output(), /tasks that ran for a transaction that did not commit: 0\n/)
    assert.match(output(), /tasks without a record: 0\n/)
    await demo.hasLeftNothing()
  })

  it('leaves nothing behind when it is interrupted', async () => {
    const { exit, output, child, said } = start()
    await said('points is down')
    assert.equal(child.kill('SIGINT'), true)
    assert.deepEqual(await exit, [130, null], output())
    assert.match(output(), /Interrupted/)
    assert.doesNotMatch(output(), /logs of the app/)
    await demo.hasLeftNothing()
  })

  it('says what to correct where its database does not answer, and not the password', async () => {
    const url = await urlOfNobody()
    const { exit, output } = demo.start({ env: { DEMO_REQUESTS: '40', DATABASE_URL: url.href } })
    assert.deepEqual(await exit, [1, null], output())
    const advice = 'Correct DATABASE_URL: without DATABASE_URL it is an SQLite file'
    const why = `The database ${url.host}/shop cannot be used: connect ECONNREFUSED ${url.host}. ${advice}\n`
    assert.equal(output('stderr').includes(why), true, output())
    assert.doesNotMatch(output(), /secret/)
  })

  it('takes its processes with it even when it is killed', async () => {
    const { exit, child, said } = start()
    await said('points is down')
    assert.equal(child.kill('SIGKILL'), true)
    await exit
    await demo.hasEnded()
  })
})
