// What `npm start` says where it cannot start.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { commands, urlOfNobody } from './command.js'

describe('npm start', () => {
  const command = commands(new URL('../../src/app/page.ts', import.meta.url), 'after-commit-page-')
  /** It takes a connection, and hangs up. */
  const taken = createServer((socket) => socket.destroy())
  let port: number

  before(async () => {
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    port = (taken.address() as AddressInfo).port
  })
  after(() => taken.close())

  it('says what to do where its port is taken', async () => {
    const { exit, output } = command.start({ env: { HOST: '127.0.0.1', PORT: String(port) } })
    assert.deepEqual(await exit, [1, null])
    assert.equal(output(), `Port ${port} is taken. Another one, or 0 for a free one: PORT=0 npm start\n`)
    await command.hasLeftNothing()
  })

  it('says what to do where its database does not answer, and not the password', async () => {
    const { href, host } = await urlOfNobody()
    const { exit, output } = command.start({ env: { DATABASE_URL: href } })
    assert.deepEqual(await exit, [1, null])
    const advice = 'Start it, or correct DATABASE_URL: without DATABASE_URL it is an SQLite file'
    assert.equal(output(), `The database ${host}/shop does not answer. ${advice}\n`)
    await command.hasLeftNothing()
  })
})
