/**
 * after-commit: say what must happen after the transaction, at the place where you know it.
 * It happens only if the transaction commits.
 *
 * Words, used everywhere: a **task** is the work to run and an **attempt** one run of it. A task is **registered** when it is
 * given to `afterCommit`, **accepted** when a committed transaction hands it over, **pending** until it is finished, and
 * **running** while it holds a slot. A **failure** is a task that failed for good. A **scope** is one open transaction or
 * savepoint and the tasks registered in it. Durations are milliseconds.
 *
 * To read: core/after-commit.ts (the public function and the wiring), scope.ts (one transaction and its waiting tasks),
 * prisma.ts (how transactions are watched), pool.ts and attempt.ts (how tasks run), failure-log.ts (what is kept).
 */
export * from './core/index.js'
export { prismaFailureLog } from './failure-logs/prisma.js'
