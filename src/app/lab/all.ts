import type { Limit } from './limit.js'
import { border } from './limits/border.js'
import { bulkhead } from './limits/bulkhead.js'
import { burst } from './limits/burst.js'
import { clsHooked } from './limits/cls-hooked.js'
import { context } from './limits/context.js'
import { cpu } from './limits/cpu.js'
import { exception } from './limits/exception.js'
import { inside } from './limits/inside.js'
import { instances } from './limits/instances.js'
import { order } from './limits/order.js'
import { rollback } from './limits/rollback.js'
import { sigkill } from './limits/sigkill.js'
import { sigterm } from './limits/sigterm.js'
import { storm } from './limits/storm.js'

/** Every limit, in the order of the table. */
export const limits: readonly Limit[] = [
  inside,
  rollback,
  exception,
  border,
  sigkill,
  sigterm,
  burst,
  cpu,
  storm,
  bulkhead,
  order,
  instances,
  context,
  clsHooked,
]
