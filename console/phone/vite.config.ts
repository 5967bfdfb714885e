import { defineConfig } from 'vite'
import { documentIds } from './documents.ts'
import { fakeDoor } from './fake.ts'

/** The passenger's page: its own small build, served by the passenger door at its root. `npm run dev:phone` has a door of its own. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [fakeDoor()],
  define: { __DOCUMENTS__: JSON.stringify(documentIds()) },
  build: { target: 'es2022', modulePreload: false, reportCompressedSize: false, assetsInlineLimit: 0 },
  server: { port: 9101, strictPort: true, host: '127.0.0.1' },
})
