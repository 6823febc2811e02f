import { defineLimit } from '../limit.js'
import type { Lab } from '../open-lab.js'

const latency = 1_000
const count = 5

/** The real app, in the two ways in which it can call its partners, with a partner that is slow and then down. */
export const inside = defineLimit({
  name: 'inside',
  title: "Rung 0, awaited inside the request: the partner's latency and failures are the login's",
  rung: 1,
  async run(lab) {
    return { latency, logins: count, inside: await logins(lab, 'inside'), after: await logins(lab, 'after') }
  },
  tell: ({ logins: all, inside: before, after }) => ({
    happens: `The partner takes ${latency} ms, so a login takes ${before.milliseconds} ms. It is down: ${before.failed} of ${all} logins fail.`,
    answer: `After the commit: ${after.milliseconds} ms, and ${after.failed} of ${all} logins fail.`,
  }),
})

async function logins(lab: Lab, partners: 'inside' | 'after'): Promise<{ milliseconds: number; failed: number }> {
  const { url, email } = await lab.database()
  const partner = await lab.partner()
  const app = await lab.start('../server.ts', {
    lines: 1,
    env: { PORT: '0', DATABASE_URL: url, PARTNERS: partners, POINTS_URL: partner.url, LOG_LEVEL: 'silent' },
  })
  const logIn = async (): Promise<boolean> => {
    const response = await fetch(`${app.lines[0]?.split(' ').at(-1)}/logins`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email }),
    })
    await response.text()
    return response.ok
  }

  await logIn() // compiles queries
  partner.configure({ latency })
  const began = performance.now()
  if (!(await logIn())) throw new Error('Expected a login to succeed while its partner is slow')
  const milliseconds = Math.round(performance.now() - began)

  partner.configure({ latency: 0, down: true })
  const answers = await Promise.all(Array.from({ length: count }, logIn))
  return { milliseconds, failed: answers.filter((ok) => !ok).length }
}
