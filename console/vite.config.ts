import { defineConfig } from 'vitest/config'
import { fake } from './fake/server.ts'
import { documentIds } from './phone/documents.ts'

/** The operators' console. `npm run dev` serves it against the fake, on one origin as the gateway does. */
export default defineConfig({
  plugins: [fake()],
  define: { __DOCUMENTS__: JSON.stringify(documentIds()) },
  build: { target: 'es2023', modulePreload: { polyfill: false }, reportCompressedSize: false },
  server: { port: 9100, strictPort: true, host: '127.0.0.1' },
  test: {
    environment: 'node',
    include: ['{src,fake,codegen,phone}/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    setupFiles: ['./fake/browser.ts'],
  },
})
