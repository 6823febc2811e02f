// The dashboard: asks for the state every second and draws it.
import { Ask } from './ask.js'
import { byId, setText } from './dom.js'
import { failuresView } from './failures.js'
import { clock, duration } from './format.js'
import { History } from './history.js'
import { outboxView } from './outbox.js'
import { PoolView } from './pool.js'
import { Refused, Server } from './server.js'
import { TasksView } from './tasks.js'

/** @typedef {import('../answers.js').State} State */

const server = new Server()
const ask = new Ask()
const history = new History()
const pool = new PoolView()
const tasks = new TasksView()
const failures = failuresView(server, ask)
const outbox = outboxView(server, ask)

/** Since when nobody answers. @type {number | undefined} */
let goneSince
/** Processes that have answered, by the order of their last answers. @type {string[]} */
let boots = []

/** @param {'connecting' | 'live' | 'gone'} state @param {string} text */
function connection(state, text) {
  byId('connection').dataset['state'] = state
  document.body.dataset['state'] = state
  setText(byId('connection'), text)
}

/** @param {State['process']} process */
function noticeOf({ boot }) {
  // One that has answered before, and another one since: no restart, but several behind one address.
  const several = boots.at(-1) !== boot && boots.includes(boot)
  const restarted = boots.length > 0 && !boots.includes(boot)
  boots = [...boots.filter((each) => each !== boot), boot].slice(-5)
  if (several)
    return 'Several processes answer at this address. Each has a pool of its own: the numbers change between them.'
  if (goneSince !== undefined)
    return `The server is back since ${clock(Date.now())}${restarted ? ': a new process' : ''}.`
  return restarted ? 'Another process answers now: its numbers begin anew.' : undefined
}

void server.follow({
  from: () => history.from,
  state(state) {
    const { host, pid, uptime } = state.process
    const notice = noticeOf(state.process)
    if (notice !== undefined) setText(byId('notice'), notice)
    goneSince = undefined
    connection('live', 'Live')
    setText(byId('process'), `${host} · process ${pid} · up ${duration(uptime)}`)
    history.add(state)
    pool.show(state, history)
    tasks.show(state, history)
    outbox.show(state)
    failures.show(state)
  },
  gone(error) {
    goneSince ??= Date.now()
    connection('gone', 'No connection')
    const isRefused = error instanceof Refused
    const what = isRefused
      ? `${error.message}. Sign in again and reload this page.`
      : 'The numbers are those of that moment. Trying again …'
    setText(
      byId('notice'),
      `${isRefused ? 'Refused' : 'The server does not answer'} since ${clock(goneSince)}. ${what}`,
    )
  },
})
