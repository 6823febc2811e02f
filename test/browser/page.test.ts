// The tutorial page in a browser, on a real server with real processes.
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import type { Page as Tab } from 'playwright-core'
import { en } from '../../src/app/page/client/texts/en.js'
import { ko } from '../../src/app/page/client/texts/ko.js'
import { type Page, startPage } from '../../src/app/page/start.js'
import { testInBrowser } from '../support/browser.js'
import { type PageOptions, fitsItsWidth, hasNoViolations, picture, screenshot } from '../support/pages.js'
import { until } from '../support/wait.js'

const test = testInBrowser()
const patience = { timeout: 45_000 }
/** What a browser says of an answer that is no success, and of a server that is gone. Both belong to the page. */
const refusals = /status of (409|502|503)|ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY/
let server: Page

before(async () => {
  server = await startPage()
})
after(() => server.close())

/** Goes there, and waits until it is live. */
async function visit(tab: Tab, hash = '', url = server.url): Promise<Tab> {
  await tab.goto(`${url}/${hash}`)
  await tab.waitForSelector('.connection[data-connection=live]', patience)
  return tab
}

async function perform(tab: Tab): Promise<void> {
  await tab.click('.guide-do button')
  await tab.waitForSelector('.guide[data-busy=true]', patience)
  await tab.waitForSelector('.guide[data-busy=false]', patience)
  assert.equal(await tab.textContent('.guide-failure'), '')
  await tab.waitForSelector('.guide[data-done=true]', patience)
}

const count = async (tab: Tab, rung: string, name: string): Promise<number> =>
  Number(await tab.textContent(`[data-count="${rung} ${name}"]`))
/** Waits until a count of the books is that high. */
const untilCount = (tab: Tab, rung: string, name: string, least: number): Promise<unknown> =>
  until(async () => (await count(tab, rung, name)) >= least)
const strips = (tab: Tab, more = ''): Promise<number> => tab.locator(`.strip${more}`).count()
const openStep = (tab: Tab, number: number): Promise<void> => tab.click(`.guide-steps li:nth-child(${number}) button`)

test('step 1: a slow partner is waited for inside the request, and by nobody after the commit', async (open) => {
  const tab = await visit(await open())
  assert.equal(await tab.textContent('.guide h2'), en.chapters[0]?.title)
  await perform(tab)
  assert.equal(await strips(tab), 2)
  const wait = async (rung: string): Promise<number> => {
    const said = await tab.textContent(`.strip[data-rung=${rung}] .strip-answer`)
    const [, number, unit] = /([\d.]+) (ms|s)$/.exec(said ?? '') ?? []
    return Number(number) * (unit === 's' ? 1_000 : 1)
  }
  assert.ok((await wait('inside')) >= 1_500)
  await tab.click('.strip[data-rung=inside] .strip-head')
  await tab.waitForSelector('.strip-head[aria-expanded=true]', patience)
  const events = await tab.locator('.strip[data-rung=inside] .events').textContent()
  assert.match(events ?? '', /BEGIN.*points: done.*COMMIT follows.*COMMIT was answered.*the answer: 201/)
  await screenshot(tab, 'page-step-1', { fullPage: false })
})

test('step 2: ten tasks of a burst run at a time, the others wait', async (open) => {
  const tab = await visit(await open())
  await tab.click('.guide-turn button:last-child')
  assert.equal(await tab.textContent('.guide h2'), en.chapters[1]?.title)
  await perform(tab)
  assert.equal(await strips(tab, '[data-open=false]'), 24)
  await screenshot(tab, 'page-step-2', { fullPage: false })
})

test('step 3: a failing task is a row, what rolls back sends nothing, and inside the request it was sent', async (open) => {
  const tab = await visit(await open({ expected: refusals }), '#2')
  await tab.click('.guide-turn button:last-child')
  await perform(tab)
  assert.ok((await count(tab, 'after', 'failed')) >= 1)
  assert.ok((await count(tab, 'inside', 'forNothing')) >= 1)
  assert.equal(await count(tab, 'after', 'forNothing'), 0)
  await screenshot(tab, 'page-step-3', { fullPage: false })
})

test('step 4: a kill loses what waits in memory, and the page marks it', async (open) => {
  const tab = await visit(await open(), '#4')
  await perform(tab)
  const lost = await count(tab, 'after', 'lost')
  assert.ok(lost > 0)
  assert.equal(await strips(tab, '[data-lost=true]'), lost)
  assert.equal(await tab.locator('.axis .mark.killed').count(), 1)
  await screenshot(tab, 'page-step-4', { fullPage: false })
})

test('step 5: with the outbox nothing is lost, and what was stored comes back', async (open) => {
  const tab = await visit(await open(), '#5')
  await perform(tab)
  assert.equal(await count(tab, 'outbox', 'lost'), 0)
  assert.ok((await count(tab, 'outbox', 'cameBack')) > 0)
  assert.equal(await count(tab, 'outbox', 'delivered'), await count(tab, 'outbox', 'owed'))
  await picture(tab, 'timeline-light')
  const dark = await visit(await open({ theme: 'dark' }), '#5')
  await dark.waitForSelector('.strip[data-open=false]', patience)
  await picture(dark, 'timeline-dark')
  await screenshot(tab, 'page-step-5', { fullPage: false })
})

test('step 6: two processes share the messages of one outbox', async (open) => {
  const tab = await visit(await open(), '#6')
  await perform(tab)
  assert.equal(await tab.locator('.process[data-state=up]').count(), 2)
  assert.ok((await tab.locator('rect.attempt.of-a').count()) > 0)
  assert.ok((await tab.locator('.strip rect.attempt.of-b').count()) > 0)
  await screenshot(tab, 'page-step-6', { fullPage: false })
})

test('step 7: what has failed is run again when its partner is back', async (open) => {
  const tab = await visit(await open(), '#7')
  await perform(tab)
  assert.equal(await count(tab, 'after', 'failed'), 0)
  assert.match((await tab.locator('.strip-title').allTextContents()).join(), new RegExp(en.useCases.retry))
  assert.equal(await tab.isDisabled('.guide-turn button:last-child'), true)
  const [dashboard] = await Promise.all([tab.waitForEvent('popup'), tab.click('.guide-do a')])
  await dashboard.waitForSelector('text=Live', patience)
  assert.match(dashboard.url(), /\/shop\/after\/dashboard\/$/)
  await screenshot(tab, 'page-step-7', { fullPage: false })
})

test('the button kills the process, which comes back with another pid', async (open) => {
  const tab = await visit(await open({ expected: refusals }), '#4')
  await tab.waitForSelector('.process[data-state=up] .danger', patience)
  const pid = (await server.worlds.of('after')).process('A').pid
  assert.match((await tab.textContent('.process-text')) ?? '', new RegExp(`pid ${pid}$`))
  await tab.click('.process .danger')
  await until(async () => {
    const said = (await tab.textContent('.process-text')) ?? ''
    return /pid \d+$/.test(said) && !said.endsWith(`pid ${pid}`)
  })
})

test('two tabs see the same requests, and the same knobs', async (open) => {
  const first = await visit(await open())
  const second = await visit(await first.context().newPage())
  await first.click('.timeline-head .quiet')
  await second.click('.timeline-head .quiet')
  await first.click('.segmented label:nth-of-type(2)')
  await first.waitForSelector('.process[data-state=up]', patience)
  await first.getByRole('button', { name: en.useCases.lesson }).click()
  for (const tab of [first, second]) await tab.waitForSelector('.strip[data-open=false]', patience)
  await second.getByRole('switch', { name: `${en.partners.names.push}: ${en.partners.down}` }).check()
  await first.waitForSelector('.partner.is-down', patience)
  await first.getByRole('button', { name: en.partners.reset }).click()
  await second.waitForSelector('.partner.is-down', { state: 'detached', ...patience })
})

test('a server that goes and comes back: the page says so, and begins again', async (open) => {
  let own = await startPage()
  const port = Number(new URL(own.url).port)
  try {
    const tab = await visit(await open({ expected: refusals }), '#2', own.url)
    await tab.waitForSelector('.process[data-state=up]', patience)
    await tab.getByRole('button', { name: en.useCases.login, exact: true }).click()
    await tab.waitForSelector('.strip[data-open=false]', patience)
    await own.close()
    await tab.waitForSelector('.connection[data-connection=gone]', patience)
    assert.equal(await tab.textContent('.connection-text'), en.connection.gone)
    assert.equal(await tab.isDisabled('.guide-do button'), true)
    await screenshot(tab, 'page-gone', { fullPage: false })
    own = await startPage({ port })
    await tab.waitForSelector('.connection[data-connection=fresh]', patience)
    assert.equal(await strips(tab), 0)
    assert.equal(await tab.isDisabled('.guide-do button'), false)
  } finally {
    await own.close()
  }
})

test('the keyboard is enough: a step, a request, its events, the language', async (open) => {
  const tab = await visit(await open())
  const focused = (): Promise<string> =>
    tab.evaluate<string>('document.activeElement.matches("a, button, h2") ? document.activeElement.textContent : ""')
  const to = async (text: string): Promise<void> => {
    for (let presses = 0; presses < 60; presses++) {
      await tab.keyboard.press('Tab')
      if ((await focused()).startsWith(text)) return
    }
    assert.fail(`Tab does not lead to ${text}`)
  }
  await to(en.skip)
  await to(en.guide.next)
  await tab.keyboard.press('Enter')
  await until(async () => (await focused()) === en.chapters[1]?.title)
  await to(en.chapters[1]?.do ?? '')
  await tab.keyboard.press('Enter')
  await tab.waitForSelector('.guide[data-done=true]', patience)
  await to(en.timeline.clear)
  await tab.keyboard.press('Enter')
  await tab.keyboard.press('Shift+Tab')
  await tab.keyboard.press('ArrowLeft')
  await until(() => tab.isChecked('[name=alignment][value=click]'))
  await tab.evaluate('document.body.focus()')
  await tab.locator('.skip').focus()
  await to(en.useCases.login)
  await tab.keyboard.press('Enter')
  await tab.waitForSelector('.strip[data-open=false]', patience)
  await to(`${en.useCases.login} `)
  await tab.keyboard.press('Enter')
  await tab.waitForSelector('.strip-head[aria-expanded=true]', patience)
  assert.match((await tab.textContent('.strip .events')) ?? '', /COMMIT was answered/)
  await tab.locator('.skip').focus()
  await to(ko.languageName)
  await tab.keyboard.press('Enter')
  await until(async () => (await tab.getAttribute('html', 'lang')) === 'ko')
  assert.equal(await focused(), ko.languageName)
  assert.equal(await tab.textContent('.guide h2'), ko.chapters[1]?.title)
})

const looks: readonly (PageOptions & { readonly name: string })[] = [
  { name: 'light, English', theme: 'light' },
  { name: 'dark, Korean', theme: 'dark', locale: 'ko-KR' },
  { name: 'light, Korean, phone', theme: 'light', locale: 'ko-KR', phone: true },
  { name: 'dark, English, phone', theme: 'dark', phone: true },
]
for (const { name, ...look } of looks) {
  test(`breaks no rule of accessibility and fits its width, idle and in a burst (${name})`, async (open) => {
    const tab = await visit(await open(look), '#5')
    assert.equal(await tab.getAttribute('html', 'lang'), look.locale === 'ko-KR' ? 'ko' : 'en')
    await tab.click('.timeline-head .quiet')
    await tab.waitForSelector('.process[data-state=up]', patience)
    await hasNoViolations(tab)
    await fitsItsWidth(tab)
    await tab.click('.buttons button:last-child')
    await until(async () => (await strips(tab)) === 24)
    await hasNoViolations(tab)
    await fitsItsWidth(tab)
    await screenshot(tab, `page-burst-${look.theme}-${look.phone ? 'phone' : 'desktop'}`)
    await until(async () => (await strips(tab, '[data-open=true]')) === 0)
    await openStep(tab, 1)
    await tab.locator('.strip-head').first().click()
    await tab.waitForSelector('.strip-head[aria-expanded=true]', patience)
    await hasNoViolations(tab)
    await fitsItsWidth(tab)
    await screenshot(tab, `page-${look.theme}-${look.phone ? 'phone' : 'desktop'}`)
  })
}

test('says what has come of a request to who does not look', async (open) => {
  const tab = await visit(await open(), '#2')
  await tab.waitForSelector('.process[data-state=up]', patience)
  await tab.getByRole('button', { name: en.useCases.login, exact: true }).click()
  const said = tab.locator('p.visually-hidden[role=status]')
  await until(async () => /Log in · memory · 201 after .* · points: done/.test((await said.textContent()) ?? ''))
  await untilCount(tab, 'after', 'delivered', 1)
})
