import { defineConfig } from 'vite'

/** The passenger's page: its own small build, served by the passenger door at its root. */
export default defineConfig({
  root: import.meta.dirname,
  build: { target: 'es2022', modulePreload: false, reportCompressedSize: false, assetsInlineLimit: 0 },
  server: { port: 9101, strictPort: true, host: '127.0.0.1' },
})
