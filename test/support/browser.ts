// A real browser for the tests in test/browser: Debian's Chromium, driven by playwright-core, one for each test file.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, chromium } from 'playwright-core'
import { type Open, Pages } from './pages.js'

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A test with pages of its own. It fails, too, when one of them has logged an error. */
export type BrowserTest = (title: string, body: (open: Open) => Promise<void>) => void

/**
 * The `test` of a file in test/browser. Without a browser each test is skipped with the reason, which in CI is a failure.
 *
 * @example
 * const test = testInBrowser()
 * test('says what one would see', async (open) => {
 *   const page = await open({ theme: 'dark', phone: true })
 *   await page.goto(url)
 *   await hasNoViolations(page)
 * })
 */
export function testInBrowser(): BrowserTest {
  const path = pathOfChromium()
  let browser: Browser
  if (path !== undefined) {
    before(async () => {
      browser = await chromium.launch({ executablePath: path, args: flags })
    })
    after(() => browser.close())
  }
  const skip = path === undefined && 'no Chromium in CHROMIUM_PATH, /usr/bin or PATH'
  return (title, body) =>
    void test(title, { skip }, async () => {
      const pages = new Pages(browser)
      try {
        await body(pages.open)
      } catch (error) {
        await pages.close().catch(() => undefined) // what the test says comes first
        throw error
      }
      await pages.close()
    })
}

function pathOfChromium(): string | undefined {
  const { CHROMIUM_PATH, PATH = '' } = process.env
  if (CHROMIUM_PATH) return CHROMIUM_PATH
  return ['/usr/bin', ...PATH.split(delimiter)]
    .map((folder) => join(folder, 'chromium'))
    .find((path) => existsSync(path))
}
