// The dashboard in a browser: what a person does with it.
import assert from 'node:assert/strict'
import { memoryFailureLog } from '../../src/failure-logs/index.js'
import { record } from '../failure-logs/record.js'
import { testInBrowser } from '../support/browser.js'
import { chips, connection, message, partner, rows, serve, stop } from '../support/dashboard-page.js'
import { fitsItsWidth, hasNoViolations, screenshot } from '../support/pages.js'
import { start } from '../support/recorders.js'
import { until } from '../support/wait.js'

const test = testInBrowser()

test('Retry runs a failure again, and the row says that it has succeeded', async (open) => {
  const { afterCommit, failures, fail, well } = partner()
  await fail(1)
  const page = await open()
  await page.goto((await serve(afterCommit)).url)
  await page.getByRole('button', { name: 'Retry give-points, failed' }).click()
  await rows(page).locator('.chip[data-outcome="failed"]').waitFor()
  assert.deepEqual(await chips(page), ['retried: failed'])

  well()
  await page.reload()
  await page.getByRole('button', { name: 'Retry give-points, failed' }).click()
  await rows(page).locator('.chip[data-outcome="succeeded"]').waitFor()
  assert.deepEqual(await chips(page), ['retried: succeeded'])
  assert.equal(await message(page).textContent(), '1 retried.')
  assert.equal(await rows(page).getByRole('button', { name: 'Retry' }).getAttribute('aria-disabled'), 'true')
  const stored = await failures.list({ order: 'oldest', limit: 10 })
  assert.deepEqual(
    stored.map(({ status, retryOf }) => [status, retryOf]),
    [
      ['retried', null],
      ['retried', stored[0]?.id],
    ],
  )
  assert.equal(afterCommit.stats().succeeded, 1)
})

test('those that are selected are retried or resolved together', async (open) => {
  const { afterCommit, failures, fail, well } = partner()
  await fail(5)
  well()
  const page = await open()
  await page.goto((await serve(afterCommit)).url)
  for (const n of [0, 2]) await rows(page).nth(n).getByRole('checkbox').check()
  await page.getByText('2 selected').waitFor()
  await page.locator('#failures .bulk').getByRole('button', { name: 'Resolve', exact: true }).click()
  await message(page).getByText('2 resolved.').waitFor()
  await page.getByRole('checkbox', { name: 'All on this page' }).first().check()
  await page.locator('#failures .bulk').getByRole('button', { name: 'Retry', exact: true }).click()
  await message(page).getByText('3 retried.').waitFor()
  await until(async () => (await chips(page)).filter((text) => text === 'retried: succeeded').length === 3)
  assert.deepEqual((await chips(page)).filter((text) => text === 'resolved').length, 2)
  const stored = await failures.list({ order: 'oldest', limit: 10 })
  assert.deepEqual(stored.map(({ status }) => status).toSorted(), [
    'resolved',
    'resolved',
    'retried',
    'retried',
    'retried',
  ])
})

test('all that match the filter are retried, after a question that can be answered with no', async (open) => {
  const { afterCommit, fail, well } = partner()
  await fail(250)
  await fail(3, 'send-push')
  well()
  const page = await open()
  await page.goto((await serve(afterCommit)).url)
  const dialog = page.getByRole('dialog')
  await page.getByLabel('Task', { exact: true }).fill('give-points')
  await page.getByLabel('Task', { exact: true }).press('Enter')
  await until(async () => (await rows(page).count()) === 50)
  await page.getByRole('button', { name: 'Retry all …' }).click()
  await dialog.getByText('Task: give-points.').waitFor()
  await hasNoViolations(page)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  assert.equal(afterCommit.stats().succeeded, 0)

  await page.getByRole('button', { name: 'Retry all …' }).click()
  await dialog.getByRole('button', { name: 'Retry all' }).click()
  await dialog.getByText('250 retried.').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()
  await page.locator('#failures').getByText('No failure matches.').waitFor()
  await afterCommit.idle()
  assert.equal(afterCommit.stats().succeeded, 250)
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await until(async () => (await rows(page).count()) === 3)
})

test('the filter goes by status, task and time, and stands in the address', async (open) => {
  const { afterCommit, failures } = partner()
  const now = Date.now()
  await failures.write([
    record({ task: 'new', recordedAt: new Date(now - 60_000) }),
    record({ task: 'old', recordedAt: new Date(now - 7_200_000) }),
    record({ task: 'old', status: 'rejected', recordedAt: new Date(now - 7_200_000) }),
    record({ task: 'done', status: 'resolved', recordedAt: new Date(now - 60_000) }),
  ])
  const page = await open()
  const { url } = await serve(afterCommit)
  await page.goto(url)
  const shows = (...names: string[]) =>
    until(async () => (await rows(page).locator('.name').allTextContents()).toSorted().join() === names.join())
  await shows('new', 'old', 'old')
  await page.getByLabel('Recorded').selectOption('in an hour')
  await shows('new')
  await page.getByLabel('Recorded').selectOption('at any time')
  await page.getByLabel('Status').selectOption('rejected')
  await shows('old')
  await page.getByLabel('Status').selectOption('all')
  await shows('done', 'new', 'old', 'old')
  await page.getByLabel('Task', { exact: true }).fill('old')
  await page.getByLabel('Task', { exact: true }).press('Enter')
  await shows('old', 'old')
  await page.reload()
  await shows('old', 'old')
  assert.equal(await page.getByLabel('Task', { exact: true }).inputValue(), 'old')
  await page.getByLabel('Task', { exact: true }).fill('')
  await page.getByLabel('Recorded').selectOption('between …')
  await page.getByLabel('to', { exact: true }).fill(new Date(now - 3_600_000).toISOString().slice(0, 19))
  await shows('old', 'old')
})

test('what one tab does is seen in the other', async (open) => {
  const { afterCommit, fail, well } = partner()
  await fail(2)
  well()
  const page = await open()
  const { url } = await serve(afterCommit)
  await page.goto(url)
  const other = await page.context().newPage()
  await other.goto(url)
  await until(async () => (await rows(other).count()) === 2)
  await rows(page).first().getByRole('button', { name: 'Retry' }).click()
  await until(async () => (await rows(other).count()) === 1)
  await rows(other).first().getByRole('button', { name: 'Resolve' }).click()
  // The first tab's hands are in its list, so nothing moves there before it says so.
  await page.getByRole('button', { name: 'There are newer ones: show them' }).click()
  await until(async () => (await chips(page)).join() === 'retried: succeeded')
})

test('with the server gone the page says so, and it reconnects when it is back', async (open) => {
  const { afterCommit, fail } = partner()
  await fail(1)
  const page = await open({ expected: /ERR_CONNECTION|ERR_EMPTY|ERR_SOCKET/ })
  const { url, port, server } = await serve(afterCommit)
  await page.goto(url)
  await connection(page).getByText('Live').waitFor()
  await stop(server)
  await connection(page).getByText('No connection').waitFor()
  await page.getByText(/The server does not answer since .* Trying again/).waitFor()
  await rows(page).first().getByRole('button', { name: 'Resolve' }).click()
  await message(page).getByText('The server does not answer').waitFor()
  await hasNoViolations(page)
  await screenshot(page, 'dashboard-gone')

  const next = partner()
  await next.fail(3)
  await serve(next.afterCommit, {}, port)
  await connection(page).getByText('Live').waitFor()
  await page.getByText(/The server is back since .*: a new process/).waitFor()
  await page.getByRole('button', { name: 'There are newer ones: show them' }).click()
  await until(async () => (await rows(page).count()) === 3)
})

test('a person who is no longer allowed to is told so', async (open) => {
  const { afterCommit } = partner()
  let allowed = true
  const page = await open({ expected: /403/ })
  await page.goto((await serve(afterCommit, { unsafe: false, authorize: () => allowed })).url)
  await connection(page).getByText('Live').waitFor()
  allowed = false
  await page.getByText(/You are not allowed to see this. Sign in again/).waitFor()
})

test('markup in a name, an error, a payload and a key is text', async (open) => {
  const markup = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
  const { afterCommit, failures } = start({ queues: { [markup]: {} } })
  await failures.write([
    record({
      task: markup,
      errorName: markup,
      errorMessage: markup,
      errorStack: markup,
      payload: JSON.stringify({ [markup]: markup }),
      requestId: markup,
    }),
  ])
  const dead = {
    id: '1',
    messageId: markup,
    messageType: markup,
    key: markup,
    payload: JSON.stringify(markup),
    attempts: 1,
    lastError: markup,
  }
  const outbox = {
    dead: {
      list: () => Promise.resolve([dead]),
      retry: () => Promise.resolve(true),
      discard: () => Promise.resolve(true),
    },
    backlog: () => Promise.resolve({ pending: 0, processing: 0, dead: 1, oldestPendingMs: 0 }),
  }
  const page = await open()
  await page.goto((await serve(afterCommit, { outbox })).url)
  await until(async () => (await page.locator('#dead .rows > li').count()) === 1)
  await afterCommit(markup, () => undefined).settled
  await page.locator('#task-rows tr').first().waitFor()
  for (const list of ['#failures', '#dead']) await page.locator(`${list} .open`).click()
  await until(async () => (await page.locator('pre').count()) === 4)
  for (const place of ['#failures .name', '#failures .what b', '#dead .name', '#task-rows .name']) {
    assert.equal(await page.locator(place).first().textContent(), markup)
  }
  assert.equal(await page.locator('#queue-rows .name').nth(1).textContent(), markup)
  assert.equal(await page.locator('pre').nth(1).textContent(), markup)
  assert.equal(await page.locator('main img, main script').count(), 0)
  assert.equal(await page.title(), 'Tasks · after-commit')
  await fitsItsWidth(page)
})

test('100 000 failures are shown page by page', async (open) => {
  const failureLog = memoryFailureLog({ limit: 100_000 })
  const began = Date.UTC(2026, 1, 28)
  await failureLog.write(
    Array.from({ length: 100_000 }, (_, n) => record({ task: `task-${n}`, recordedAt: new Date(began + n) })),
  )
  const { afterCommit } = start({ failureLog })
  const page = await open()
  await page.goto((await serve(afterCommit)).url)
  const first = (name: string) => until(async () => (await rows(page).first().locator('.name').textContent()) === name)
  await first('task-99999')
  assert.equal(await rows(page).count(), 50)
  const pages = page.getByRole('navigation', { name: 'Pages of failures' })
  await pages.getByRole('button', { name: 'Next' }).click()
  await first('task-99949')
  await pages.getByRole('button', { name: 'Next' }).click()
  await first('task-99899')
  await pages.getByText('Page 3').waitFor()
  await pages.getByRole('button', { name: 'Back' }).click()
  await first('task-99949')
  assert.equal(await rows(page).count(), 50)
})
