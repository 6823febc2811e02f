// Pages of one browser test: themes, phone width, what they log, what axe-core says of them, pictures.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'

export interface PageOptions {
  /** What the page's owner prefers. @default 'light' */
  readonly theme?: 'light' | 'dark'
  /** 390 by 844, with a finger instead of a mouse; otherwise 1280 wide. @default false */
  readonly phone?: boolean
  /** Of the window, in pixels, where it is no phone. @default 800 */
  readonly height?: number
  /** Pixels of a picture for each pixel of the page. @default 1 */
  readonly scale?: number
  /** Of the language that the page is asked for. @default 'en-GB' */
  readonly locale?: string
  /** Errors that belong to the test, such as a server that is gone. Every other one fails it. */
  readonly expected?: RegExp
}

/** Opens a page with cookies and storage of its own; `page.context().newPage()` is a second tab beside it. */
export type Open = (options?: PageOptions) => Promise<Page>

export class Pages {
  readonly #browser: Browser
  readonly #contexts: BrowserContext[] = []
  readonly #errors: string[] = []

  constructor(browser: Browser) {
    this.#browser = browser
  }

  readonly open: Open = async ({
    theme = 'light',
    phone = false,
    height = 800,
    scale = 1,
    locale = 'en-GB',
    expected,
  } = {}) => {
    const context = await this.#browser.newContext({
      viewport: phone ? { width: 390, height: 844 } : { width: 1280, height },
      hasTouch: phone,
      isMobile: phone,
      colorScheme: theme,
      deviceScaleFactor: scale,
      reducedMotion: 'reduce',
      locale,
      timezoneId: 'UTC',
    })
    this.#contexts.push(context)
    const add = (text: string): void => {
      if (!expected?.test(text)) this.#errors.push(text)
    }
    context.on('weberror', (error) => add(error.error().stack ?? String(error.error())))
    // Chromium logs there what a content security policy forbids, and every answer that is no 2xx or 3xx.
    context.on('console', (message) => {
      if (message.type() === 'error') add(`${message.text()} (${message.location().url})`)
    })
    return context.newPage()
  }

  /** Rejects with what the pages have logged. */
  async close(): Promise<void> {
    await Promise.all(this.#contexts.map((context) => context.close()))
    assert.deepEqual(this.#errors, [])
  }
}

/** Rejects with every rule of axe-core (WCAG 2.2 A and AA, and good practice) that the page breaks, and where. */
export async function hasNoViolations(page: Page): Promise<void> {
  // As a script of the page it would break a strict content security policy; evaluated it does not.
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n${html}\n${failureSummary}`),
  )
  assert.ok(found.length === 0, found.join('\n\n'))
}

/** Rejects when something on the page is wider than the page. */
export async function fitsItsWidth(page: Page): Promise<void> {
  const [content, window] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )
  assert.ok(content <= window, `${content} px are in a window of ${window} px`)
}

/** Saves what the page looks like in the folder that SCREENSHOTS names, for a person to look at; without it does nothing. */
export async function screenshot(page: Page, name: string, { fullPage = true } = {}): Promise<void> {
  const folder = process.env['SCREENSHOTS']
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage })
}

const pictures = fileURLToPath(new URL('../browser/pictures/', import.meta.url))

/** Takes a picture for README.md. `npm run pictures` writes it to test/browser/pictures; otherwise it is only taken. */
export async function picture(page: Page, name: string): Promise<void> {
  const image = await page.screenshot({ animations: 'disabled' })
  if (process.env['PICTURES'] !== 'write') return
  await mkdir(pictures, { recursive: true })
  await writeFile(join(pictures, `${name}.png`), image)
}
