/** `npm run dev`, or `vite preview` over a finished build: the fake on the console's own origin, with sign-in, tokens and the socket where the gateway has them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Plugin, PreviewServer, ViteDevServer } from 'vite'
import type { Endpoint } from './schema.ts'
import type { Session, World } from './world.ts'

type Server = ViteDevServer | PreviewServer

const names = ['Dana Whitfield', 'Ada Rossi', 'Tom Baker']

export function fake(): Plugin {
  return { name: 'nexa-fake', apply: 'serve', configureServer: (server) => (process.env.VITEST ? undefined : start(server)), configurePreviewServer: start }
}

async function start(server: Server): Promise<void> {
  const { World } = await import('./world.ts')
  const { flight, seeded } = await import('./storm.ts')
  const { Endpoint } = await import('./schema.ts')
  const random = seeded(2013)
  const world = new World(Date.now() - 12 * 60_000, random) // twelve minutes into the storm
  const flights = Number(process.env.NEXA_FAKE_FLIGHTS ?? 22)
  for (let index = 0; index < flights; index += 1) {
    world.declare(flight(index, random))
    world.advance((10 * 60_000) / flights)
  }
  if (process.env.NEXA_FAKE_BUSY) await busy(world)
  setInterval(() => world.advance(Date.now() - Date.parse(world.now())), 100).unref()
  server.middlewares.use('/auth', signIn)
  await listen(server, new Endpoint(world), world)
}

/** A colleague who claims and issues here and there, so that a quiet screen shows what a busy one looks like. */
async function busy(world: World): Promise<void> {
  const colleague: Session = { id: 'ws-colleague', operator: 'urn:operator:rossi', name: 'Ada Rossi' }
  world.alive.add(colleague.id)
  const pending = [...world.subCases.values()].filter((one) => one.status === 'PENDING')
  for (const row of pending.slice(0, 6)) world.acquire(row.urn, colleague)
  for (const row of pending.filter((_, place) => place % 3 !== 0)) world.issue([{ urn: row.urn, version: row.version }], row.urn, colleague)
  world.advance(30_000)
}

function signIn(request: IncomingMessage, response: ServerResponse): void {
  const signedIn = /(?:^|; )operator=(\d)/.exec(request.headers.cookie ?? '')
  const url = new URL(request.url ?? '/', 'http://fake')
  if (url.pathname === '/login') {
    response.writeHead(303, { location: url.searchParams.get('next') ?? '/', 'set-cookie': `operator=${url.searchParams.get('as') ?? '0'}; Path=/; HttpOnly` }).end()
  } else if (url.pathname === '/logout') {
    response.writeHead(303, { location: '/', 'set-cookie': 'operator=; Path=/; Max-Age=0' }).end()
  } else if (signedIn) {
    const expiresAt = new Date(Date.now() + 15 * 60_000).toISOString()
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token: names[Number(signedIn[1])], expiresAt }))
  } else {
    response.writeHead(401, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ title: 'Sign in first.' }))
  }
}

async function listen(server: Server, endpoint: Endpoint, world: World): Promise<void> {
  const { WebSocketServer } = await import('ws')
  const { Sessions, serve } = await import('./socket.ts')
  const sockets = new WebSocketServer({ noServer: true })
  const sessions = new Sessions(world)
  server.httpServer?.on('upgrade', (request, stream, head) => {
    if (new URL(request.url ?? '/', 'http://fake').pathname !== '/graphql') return
    sockets.handleUpgrade(request, stream, head, (one) => serve(one, endpoint, sessions))
  })
}
