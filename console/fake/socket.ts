/** The fake's socket: graphql-transport-ws as the gateway speaks it, with its pings, its sessions and their grace. */
import type { ExecutionResult } from 'graphql'
import type { WebSocket } from 'ws'
import type { Endpoint } from './schema.ts'
import type { Session, World } from './world.ts'

const grace = 8000 // ms a session outlives its socket
const pingEvery = 2000

interface Message {
  type: string
  id?: string
  payload?: { token?: string; resume?: string; query?: string; variables?: Record<string, unknown> }
}

export class Sessions {
  private count = 0
  private readonly leaving = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(private readonly world: World) {}

  open(name: string, resume: string | undefined): { session: Session; resumed: boolean } {
    const resumed = resume !== undefined && this.world.alive.has(resume)
    const id = resumed ? resume : `ws-${(this.count += 1)}`
    clearTimeout(this.leaving.get(id))
    this.world.alive.add(id)
    return { session: { id, operator: `urn:operator:${name.split(' ')[0]!.toLowerCase()}`, name }, resumed }
  }

  leave(session: Session): void {
    this.leaving.set(session.id, setTimeout(() => this.world.bury(session.id), grace))
  }
}

/** Serves one socket until it closes. */
export function serve(socket: WebSocket, endpoint: Endpoint, sessions: Sessions): void {
  const running = new Map<string, AsyncIterator<ExecutionResult>>()
  let session: Session | undefined
  const say = (message: object): void => socket.send(JSON.stringify(message))
  const pings = setInterval(() => say({ type: 'ping' }), pingEvery)
  const subscribe = async (id: string, payload: NonNullable<Message['payload']>, who: Session): Promise<void> => {
    const answer = await endpoint.run(payload.query ?? '', payload.variables ?? {}, who)
    if (!(Symbol.asyncIterator in answer)) {
      if ('data' in answer) say({ id, type: 'next', payload: answer })
      return say('data' in answer ? { id, type: 'complete' } : { id, type: 'error', payload: answer.errors })
    }
    const stream = answer[Symbol.asyncIterator]()
    running.set(id, stream)
    for (let next = await stream.next(); !next.done && running.has(id); next = await stream.next()) say({ id, type: 'next', payload: next.value })
  }
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Message
    if (message.type === 'connection_init') {
      if (!message.payload?.token) return socket.close(4403, 'Sign in first.')
      const opened = sessions.open(message.payload.token, message.payload.resume)
      session = opened.session
      say({ type: 'connection_ack', payload: { session: session.id, resume: session.id, resumed: opened.resumed } })
    } else if (message.type === 'ping') say({ type: 'pong' })
    else if (message.type === 'complete') running.delete(message.id ?? '')
    else if (message.type === 'subscribe') {
      if (!session) return socket.close(4401, 'Unauthorized')
      void subscribe(message.id ?? '', message.payload ?? {}, session)
    }
  })
  socket.on('close', () => {
    clearInterval(pings)
    running.clear()
    if (session) sessions.leave(session)
  })
}
