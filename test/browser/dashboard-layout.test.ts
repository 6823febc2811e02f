// The dashboard in a browser: both themes, a phone, the keyboard, what a screen reader is told, and its picture.
import assert from 'node:assert/strict'
import { record } from '../failure-logs/record.js'
import { forEachDatabase } from '../support/databases.js'
import { testInBrowser } from '../support/browser.js'
import { busyShop, leaveUnfinished, liveThrough, pictured } from '../support/dashboard-picture.js'
import { connection, partner, rows, serve } from '../support/dashboard-page.js'
import { fitsItsWidth, hasNoViolations, picture, screenshot } from '../support/pages.js'
import { start } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'

const test = testInBrowser()

for (const theme of ['light', 'dark'] as const) {
  for (const phone of [false, true]) {
    const name = `${theme}${phone ? ', on a phone' : ''}`
    test(`${name}: axe-core has nothing to say of a page with data and of one without, and nothing is too wide`, async (open) => {
      const page = await open({ theme, phone })
      await page.goto((await serve(start().afterCommit)).url)
      await page.getByText('No failures.').waitFor()
      await connection(page).getByText('Live').waitFor()
      await page.getByText('No attempt has ended since you opened this page').waitFor()
      await hasNoViolations(page)
      await fitsItsWidth(page)
      await screenshot(page, `dashboard-empty-${theme}${phone ? '-phone' : ''}`)

      const stuck = deferred()
      const { afterCommit, failures, fail } = partner({
        maxPending: 3,
        concurrency: 1,
        queues: { sms: { concurrency: 2 } },
      })
      await failures.write(
        (['rejected', 'interrupted', 'unknown'] as const).map((status) =>
          record({ status, errorName: null, errorMessage: null }),
        ),
      )
      await failures.write([record({ payload: null, task: `a-name-without-an-end-${'x'.repeat(160)}` })])
      await page.goto((await serve(afterCommit)).url)
      await connection(page).getByText('Live').waitFor()
      await fail(1)
      for (let n = 0; n < 3; n++) afterCommit('waits', () => stuck.promise)
      await page.locator('#task-rows tr').first().waitFor()
      await until(async () => (await rows(page).count()) === 5)
      await rows(page).first().locator('.open').click()
      await page.locator('pre').first().waitFor()
      await rows(page).first().getByRole('checkbox').check()
      await hasNoViolations(page)
      await fitsItsWidth(page)
      await screenshot(page, `dashboard-${theme}${phone ? '-phone' : ''}`)
      stuck.resolve()
      await afterCommit.idle()
    })
  }
}

test('everything is reached and done with the keyboard', async (open) => {
  const { afterCommit, failures, fail, well } = partner()
  await fail(1)
  well()
  const page = await open()
  await page.goto((await serve(afterCommit)).url)
  await rows(page).first().waitFor()
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the failures')
  await page.keyboard.press('Enter')
  const focused = () =>
    page.evaluate<string>('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent')
  const tabTo = async (name: RegExp) => {
    for (let n = 0; n < 30; n++) {
      await page.keyboard.press('Tab')
      if (name.test(await focused())) return
    }
    assert.fail(`No ${name} among 30 places`)
  }
  await tabTo(/^give-points/)
  await page.keyboard.press('Enter')
  await page.locator('.details pre').first().waitFor()
  await tabTo(/^Retry give-points/)
  await page.keyboard.press('Enter')
  await rows(page).locator('.chip[data-outcome="succeeded"]').waitFor()
  // The focus is where it was.
  assert.match(await focused(), /^Retry give-points/)
  assert.equal((await failures.list({ order: 'oldest', limit: 1 }))[0]?.status, 'retried')
})

forEachDatabase(
  (db) => {
    test('its picture for README.md', async (open) => {
      const stuck = deferred()
      const { afterCommit, failures, outbox, relay } = await busyShop(db)
      const { url } = await serve(afterCommit, { outbox, relay })
      await liveThrough(url, afterCommit)
      await failures.write(pictured())
      const running = leaveUnfinished(afterCommit, stuck.promise)
      for (const theme of ['light', 'dark'] as const) {
        const page = await open({ theme, scale: 1.5, height: 1060 })
        await page.goto(url)
        await page.locator('#dead .rows > li').first().waitFor()
        await page.getByRole('button', { name: /^send-sms/ }).click()
        await page.locator('.details pre').first().waitFor()
        await until(async () => (await page.locator('#figures b').first().textContent()) === String(running))
        await page.mouse.move(0, 0)
        await picture(page, `dashboard-${theme}`)
      }
      stuck.resolve()
      await relay.stop({ grace: 0 })
      await afterCommit.close({ grace: 0 })
    })
  },
  { only: ['sqlite'] },
)
