export { type FileFailureLogOptions, fileFailureLog } from './file.js'
export { type MemoryFailureLogOptions, memoryFailureLog } from './memory.js'
