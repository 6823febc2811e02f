// Run by file.test.ts, which kills it while it writes one very long line.
import { fileFailureLog } from '../../src/failure-logs/index.js'
import { record } from './record.js'

const log = fileFailureLog(process.argv[2] ?? '', { maxBytes: 5e8 })
await log.write([record({ payload: JSON.stringify('x'.repeat(100_000_000)) })])
