// file: vitest.spec.ts
import { afterEach, beforeEach, expect, test } from 'vitest'
import { capture, type Captured } from 'after-commit/testing'
import { afterCommit, signUp } from './shop.js'

let captured: Captured
beforeEach(() => {
  captured = capture(afterCommit)
})
afterEach(() => captured.restore())

test('welcomes who signs up, and nobody who has signed up before', async () => {
  await signUp('ada@example.com')
  await expect(signUp('ada@example.com')).rejects.toThrow()
  expect(captured.tasks).toMatchObject([{ name: 'welcome', payload: { to: 'ada@example.com' } }])
  await captured.run()
  expect(captured.tasks).toEqual([])
})
