import type { Plugin } from 'vite'
export const fake = (): Plugin => ({ name: 'fake' })
