// What every test in this folder relies on. A browser that would hide an error makes them worthless.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before } from 'node:test'
import { testInBrowser } from '../support/browser.js'
import { Pages, fitsItsWidth, hasNoViolations } from '../support/pages.js'

const test = testInBrowser()

const document = (body: string) =>
  `<!doctype html><html lang="en"><title>t</title><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><main><h1>t</h1>${body}</main>`
const bodies: Record<string, string> = {
  '/good': '<p>good</p>',
  '/inline': '<script>document.title = "ran"</script>',
  '/missing': '<img src="/nowhere" alt="nothing">',
  '/unnamed': '<button></button>',
  '/wide': '<pre style="width: 500px">wide</pre>',
}
const server = createServer((request, response) => {
  const body = bodies[request.url ?? '']
  response.statusCode = body === undefined ? 404 : 200
  response.setHeader('content-type', 'text/html')
  if (request.url === '/inline') response.setHeader('content-security-policy', "default-src 'none'")
  response.end(document(body ?? ''))
})
let url = ''

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.close()
  server.closeAllConnections()
})

test('a page that does nothing wrong passes', async (open) => {
  const page = await open({ theme: 'dark', phone: true })
  await page.goto(`${url}/good`)
  await hasNoViolations(page)
  await fitsItsWidth(page)
  assert.equal(await page.evaluate('matchMedia("(prefers-color-scheme: dark)").matches'), true)
})

test('a page that logs an error fails its test, unless the test expects it', async (open) => {
  const page = await open({ expected: /404.*\/nowhere/ })
  const browser = page.context().browser()
  assert.ok(browser)
  const wrong: [path: string, RegExp][] = [
    ['/inline', /Content Security Policy/],
    ['/missing', /404.*\/nowhere/],
  ]
  for (const [path, error] of wrong) {
    const pages = new Pages(browser)
    await (await pages.open()).goto(url + path, { waitUntil: 'networkidle' })
    await assert.rejects(pages.close(), error)
  }
  await page.goto(`${url}/missing`, { waitUntil: 'networkidle' })
  const uncaught = new Pages(browser)
  const last = await uncaught.open()
  await last.goto(`${url}/good`)
  await Promise.all([
    last.context().waitForEvent('weberror'),
    last.evaluate('void setTimeout(() => { throw new Error("oops") })'),
  ])
  await assert.rejects(uncaught.close(), /oops/)
})

test('a button without a name and a page that is too wide are found', async (open) => {
  const page = await open({ phone: true })
  await page.goto(`${url}/unnamed`)
  await assert.rejects(hasNoViolations(page), /button-name/)
  await page.goto(`${url}/wide`)
  await assert.rejects(fitsItsWidth(page), /px are in a window of 390 px/)
})
