export { dashboard, type DashboardHandler } from './dashboard.js'
export {
  type DashboardBacklog,
  type DashboardDeadMessage,
  type DashboardOptions,
  type DashboardOutbox,
  type DashboardRelay,
  type DashboardSource,
  type Masked,
} from './dashboard/options.js'
export { gracefulShutdown, type GracefulShutdownOptions, type ShutdownReport } from './graceful-shutdown.js'
export { health, type Health, type HealthOptions } from './health.js'
export { poolFull } from './pool-full.js'
export { requestContext, type RequestContext } from './request-context.js'
