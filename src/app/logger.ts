import { pino } from 'pino'
import { settings } from './settings.js'

const destination = settings.logFile === undefined ? pino.destination(1) : pino.destination({ dest: settings.logFile })

/** The log of the app, and of its tasks. */
export const logger = pino({ name: 'shop', level: settings.logLevel }, destination)
