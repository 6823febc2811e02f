export { type ThreadRun } from './thread.js'
export { workerThreads, type WorkerThreadsOptions } from './worker-threads.js'
