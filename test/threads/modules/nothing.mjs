export const walk = () => undefined
