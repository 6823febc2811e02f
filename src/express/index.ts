export { gracefulShutdown, type GracefulShutdownOptions, type ShutdownReport } from './graceful-shutdown.js'
export { health, type Health, type HealthOptions } from './health.js'
export { poolFull } from './pool-full.js'
export { requestContext, type RequestContext } from './request-context.js'
