// Keeps the page itself on the phone; the trip's last copy is kept by the page. An address is cached without its query: a link's token never.
const cache = 'nexa-page-1'

self.addEventListener('install', (event) => event.waitUntil(self.skipWaiting()))
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== location.origin) return
  if (request.mode === 'navigate') event.respondWith(newest(request, '/'))
  else if (url.pathname.startsWith('/assets/')) event.respondWith(kept(request))
})

async function newest(request, key) {
  const store = await caches.open(cache)
  try {
    const response = await fetch(request)
    if (response.ok) await store.put(key, response.clone())
    return response
  } catch (error) {
    const copy = await store.match(key)
    if (copy) return copy
    throw error
  }
}

async function kept(request) {
  const store = await caches.open(cache)
  const copy = await store.match(request)
  if (copy) return copy
  const response = await fetch(request)
  if (response.ok) await store.put(request, response.clone())
  return response
}
