import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import express from 'express4'
import { gracefulShutdown, health, poolFull, requestContext } from '../../src/express/index.js'
import { start } from '../support/recorders.js'

test('all of it fits the types of Express 4', async () => {
  const { afterCommit } = start()
  const { live, ready } = health(afterCommit)
  const app = express()
  app.use(requestContext())
  app.get('/live', live)
  app.get('/ready', (request, response) => void ready(request, response))
  app.use(poolFull())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const shutDown = gracefulShutdown(server, afterCommit)
  assert.equal((await shutDown()).clean, true)
})
