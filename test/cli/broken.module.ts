throw new Error('no DATABASE_URL')
