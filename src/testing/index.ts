/**
 * For the tests of your own code, in whatever runner: nothing here knows one. `inline` and `capture` say what becomes of the tasks
 * of your application's instance, `fakeClient` stands for Prisma where a test needs no database, and `testTransaction` is for
 * tests that run in a transaction which is rolled back in the end.
 */
export { capture, type Captured, type CapturedTask } from './capture.js'
export { inline, type Inline } from './inline.js'
export { fakeClient, type FakeClient, type FakeClientOptions } from './fake-client.js'
export { type FakeQuery } from './fake-connection.js'
export { testTransaction, type TestTransaction, type TestTransactionOptions } from './test-transaction.js'
export { failureLogSuite, type FailureLogSuiteOptions } from './failure-log-suite.js'
