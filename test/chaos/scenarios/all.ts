import type { Scenario } from '../scenario.js'
import { wrongClocks } from './clocks.js'
import { killedAfterCommit, killedBeforeCommit, lateCommit } from './commits.js'
import { databaseTrouble } from './database.js'
import { rollingDeploy, terminatedInBackoff, terminatedInClaim, terminatedInHandler } from './deploys.js'
import { killedAfterHandler, killedInCompletion, killedMidHandler, staleCompletion, stopped } from './handlers.js'
import { inMemory, inOutbox, twoRelays } from './kills.js'
import { poison } from './poison.js'

export const scenarios: readonly Scenario[] = [
  killedBeforeCommit,
  killedAfterCommit,
  killedMidHandler,
  killedAfterHandler,
  killedInCompletion,
  stopped,
  staleCompletion,
  lateCommit,
  poison,
  terminatedInBackoff,
  terminatedInClaim,
  terminatedInHandler,
  rollingDeploy,
  wrongClocks,
  databaseTrouble,
  twoRelays,
  inMemory,
  inOutbox,
]
