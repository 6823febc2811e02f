exports.run = ({ n }, { log }) => log.info({ n }, 'told')
