/** Loaded into the processes that the demo starts: they end with it, even if it is killed and cannot tell them. */
process.once('disconnect', () => process.exit(1))
process.channel?.unref()
