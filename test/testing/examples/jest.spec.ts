// file: jest.spec.ts
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { inline, type Inline } from 'after-commit/testing'
import { afterCommit, mail, signUp } from './shop.js'

let tasks: Inline
beforeEach(() => {
  tasks = inline(afterCommit)
})
afterEach(() => tasks.restore())

test('has sent the mail when the promise of signUp resolves', async () => {
  const welcome = jest.spyOn(mail, 'welcome').mockResolvedValue()
  await signUp('bob@example.com')
  expect(welcome).toHaveBeenCalledWith('bob@example.com')
})

test('shows the error of a task to the test', async () => {
  jest.spyOn(mail, 'welcome').mockRejectedValue(new Error('no mail today'))
  await expect(signUp('eve@example.com')).rejects.toThrow('no mail today')
})
